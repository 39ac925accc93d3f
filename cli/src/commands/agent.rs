//! `bourse agent`: reads the agent's settings and runs it until it is asked to end.
//!
//! Its containers run on; the next agent on the same data directory adopts them.

use agent::settings::{AgentArgs, AgentSettings};

pub(crate) async fn run(args: &AgentArgs) -> anyhow::Result<()> {
    if args.print_seccomp_profile {
        return crate::output::print_text(agent::settings::DEFAULT_SECCOMP_PROFILE);
    }
    let settings = AgentSettings::load(args)?;
    if args.print_config {
        return crate::output::print_text(&settings.to_toml());
    }
    agent::run(settings, crate::shutdown::asked()).await?;
    Ok(())
}
