//! `bourse master`: reads the master's settings and runs it until it is asked to end.
//!
//! What a setting means is the master's business; this only prints them or passes them on.

use master::settings::{MasterArgs, MasterSettings};

pub(crate) async fn run(args: &MasterArgs) -> anyhow::Result<()> {
    let settings = MasterSettings::load(args, |name| std::env::var(name).ok())?;
    if args.print_config {
        return crate::output::print_text(&settings.to_toml());
    }
    master::run(settings, crate::shutdown::asked()).await?;
    Ok(())
}
