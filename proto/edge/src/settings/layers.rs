//! Four layers become one: flag over environment over file over default.

use super::{Malformed, Origin, SettingsError};
use serde::de::DeserializeOwned;
use std::{
    error::Error,
    fmt, fs,
    path::{Path, PathBuf},
};

/// The form of a process's settings file, and with it what its other layers are called.
pub trait SettingsFile: DeserializeOwned + Default {
    /// What the names of its environment variables begin with: `BOURSE_MASTER`.
    const PREFIX: &'static str;

    /// What can be wrong with a value.
    type Problem: Error + From<Malformed> + 'static;

    /// What the file says under this key, as text.
    fn value(&self, key: &str) -> Option<String>;
}

/// Something that was said, and by whom.
#[derive(Debug)]
pub struct Said<T> {
    /// What.
    pub value: T,
    /// By whom.
    pub origin: Origin,
}

/// All that was said to a process.
pub struct Layers<'a, F> {
    flags: &'a dyn Fn(&str) -> Option<&'a str>,
    environment: &'a dyn Fn(&str) -> Option<String>,
    path: PathBuf,
    file: F,
}

impl<'a, F: SettingsFile> Layers<'a, F> {
    /// Reads the file that the flag `config` or the environment names, if any.
    ///
    /// `flags` is asked for keys as they stand in a file, `environment` for variables.
    pub fn open(
        config: Option<&Path>,
        flags: &'a dyn Fn(&str) -> Option<&'a str>,
        environment: &'a dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError<F::Problem>> {
        let in_environment = || environment(&Self::variable("config")).map(PathBuf::from);
        let path = config.map(Path::to_owned).or_else(in_environment);
        let file = path.as_ref().map(read_file).transpose()?.unwrap_or_default();
        Ok(Self { flags, environment, path: path.unwrap_or_default(), file })
    }

    /// What the settings file says.
    pub fn file(&self) -> &F {
        &self.file
    }

    /// What the first layer says that says anything.
    pub fn said<T, E: Into<F::Problem>>(
        &self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<Said<T>>, SettingsError<F::Problem>> {
        let text = self.file.value(key);
        self.said_or(key, text.as_ref(), &read, |text| read(text))
    }

    /// As [`Layers::said`], for a value that is not text in a file.
    pub fn said_or<T, V, E: Into<F::Problem>>(
        &self,
        key: &'static str,
        in_file: Option<&V>,
        read: impl Fn(&str) -> Result<T, E>,
        read_in_file: impl Fn(&V) -> Result<T, E>,
    ) -> Result<Option<Said<T>>, SettingsError<F::Problem>> {
        let flag = (self.flags)(key).map(|text| (read(text), Origin::Flag(flag(key))));
        let variable = || {
            let name = Self::variable(key);
            let text = (self.environment)(&name)?;
            Some((read(&text), Origin::Environment(name)))
        };
        let file = || Some((read_in_file(in_file?), Origin::File(self.path.clone())));
        match flag.or_else(variable).or_else(file) {
            None => Ok(None),
            Some((Ok(value), origin)) => Ok(Some(Said { value, origin })),
            Some((Err(problem), origin)) => {
                Err(SettingsError::Invalid { key, origin, problem: problem.into() })
            }
        }
    }

    /// As [`Layers::said`], for what has no default.
    pub fn required<T, E: Into<F::Problem>>(
        &self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Said<T>, SettingsError<F::Problem>> {
        self.said(key, read)?.ok_or_else(|| Self::missing(key))
    }

    /// Puts what was said over the default, if anything was.
    pub fn set<T, E: Into<F::Problem>>(
        &self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
        to: &mut T,
    ) -> Result<(), SettingsError<F::Problem>> {
        if let Some(said) = self.said(key, read)? {
            *to = said.value;
        }
        Ok(())
    }

    /// Who decides this key.
    pub fn origin(&self, key: &'static str) -> Origin {
        let said = self.said(key, |_| Ok::<_, F::Problem>(())).ok().flatten();
        said.map_or(Origin::Default, |said| said.origin)
    }

    /// Nobody said it.
    pub fn missing(key: &'static str) -> SettingsError<F::Problem> {
        SettingsError::Missing { key, flag: flag(key), variable: Self::variable(key) }
    }

    fn variable(key: &str) -> String {
        format!("{}_{}", F::PREFIX, key.replace('.', "_").to_ascii_uppercase())
    }
}

impl<F: fmt::Debug> fmt::Debug for Layers<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").field("file", &self.file).finish_non_exhaustive()
    }
}

fn read_file<F: SettingsFile>(path: &PathBuf) -> Result<F, SettingsError<F::Problem>> {
    let text = fs::read_to_string(path)
        .map_err(|source| SettingsError::FileUnreadable { path: path.clone(), source })?;
    toml::from_str(&text).map_err(|source| SettingsError::FileMalformed {
        path: path.clone(),
        source: Box::new(source),
    })
}

fn flag(key: &str) -> String {
    format!("--{}", key.replace(['_', '.'], "-"))
}
