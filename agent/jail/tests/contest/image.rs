//! An image made of this host's own programs, for the other files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use jail::plan::{ImageRoot, Root, UserNamespace};
use jail::{ExitRecord, Outcome, Plan};

use crate::rig::Rig;

const PROGRAMS: [&str; 10] =
    ["sh", "cat", "ls", "stat", "mknod", "readlink", "rm", "sleep", "chown", "mkdir"];

/// Two layers: this host's own programs with their libraries, and a file over them.
pub(crate) struct Image {
    place: tempfile::TempDir,
    user_namespace: Option<UserNamespace>,
}

impl Image {
    pub(crate) fn new() -> Self {
        let image = Self { place: tempfile::tempdir().unwrap(), user_namespace: None };
        let base = image.layer(0);
        for directory in ["bin", "etc"] {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        for program in PROGRAMS {
            let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(program));
            let found = found.iter().find(|path| path.exists()).unwrap();
            fs::copy(found, base.join("bin").join(program)).unwrap();
            let libraries = Command::new("ldd").arg(found).output().unwrap().stdout;
            for word in String::from_utf8(libraries).unwrap().split_whitespace() {
                if word.starts_with('/') && Path::new(word).exists() {
                    let place = base.join(word.trim_start_matches('/'));
                    fs::create_dir_all(place.parent().unwrap()).unwrap();
                    fs::copy(word, place).unwrap();
                }
            }
        }
        fs::write(base.join("etc/issue"), "base").unwrap();
        fs::create_dir_all(image.layer(1).join("etc")).unwrap();
        fs::write(image.layer(1).join("etc/issue"), "image").unwrap();
        fs::set_permissions(image.layer(1), PermissionsExt::from_mode(0o755)).unwrap();
        image
    }

    /// Its users are others to the host.
    pub(crate) fn with_user_namespace(self, first_id: u32) -> Self {
        Self { user_namespace: Some(UserNamespace { first_id, count: 65_536 }), ..self }
    }

    pub(crate) fn layer(&self, number: usize) -> PathBuf {
        self.place.path().join(format!("layer-{number}"))
    }

    pub(crate) fn root(&self) -> Root {
        let layers = vec![self.layer(0), self.layer(1)];
        let user_namespace = self.user_namespace;
        Root::Image(ImageRoot { layers, working_dir: None, user_namespace })
    }

    pub(crate) fn shell(&self, rig: &Rig, script: &str) -> Plan {
        Plan { root: self.root(), ..rig.shell(script) }
    }

    /// What a script says, in a container that ends well.
    pub(crate) fn says(&self, rig: &Rig, script: &str) -> String {
        run_well(rig, &self.shell(rig, script));
        rig.stdout()
    }
}

pub(crate) fn run_well(rig: &Rig, plan: &Plan) -> ExitRecord {
    let record = rig.run(plan);
    let errors = fs::read_to_string(rig.sandbox().join("stderr")).unwrap();
    assert_eq!((&record.outcome, errors.as_str()), (&Outcome::Exited { code: 0 }, ""));
    rig.assert_nothing_left();
    record
}
