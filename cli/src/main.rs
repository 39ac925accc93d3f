//! The binary: reads what was typed, runs it, renders the one error at the end.

#![forbid(unsafe_code)]

mod arguments;
mod certificates;
mod commands;
mod connection;
mod context;
mod local;
mod logging;
mod output;
mod report;
mod sandbox;
mod shutdown;

use arguments::{Arguments, Client, Command};
use clap::Parser as _;
use connection::Connection;
use context::ContextArgs;
use std::process::ExitCode;

/// The argument that makes this process the supervisor of one container.
const JAIL: &str = "jail";

fn main() -> ExitCode {
    // A supervisor has one thread and touches as little memory as it can: nothing comes before it.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == JAIL) {
        return jail::main_from_stdin();
    }
    // A broken invariant must not limp on in the other threads of a server.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("bourse: {}", render(&problem));
            ExitCode::FAILURE
        }
    }
}

/// The chain of causes, none repeated.
fn render(problem: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in problem.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            let separator = if text.is_empty() { "" } else { ": " };
            text += &format!("{separator}{cause}");
        }
    }
    // A settings file's error shows the line in question on lines of its own.
    text.lines().map(output::table::escape).collect::<Vec<_>>().join("\n")
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let serves = matches!(arguments.command, Command::Master(_) | Command::Agent(_));
    logging::start(&arguments.log, if serves { "info" } else { "warn" })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(dispatch(arguments));
    // Whatever still runs is nobody's any longer.
    runtime.shutdown_background();
    code
}

async fn dispatch(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { output, command, .. } = arguments;
    let connect = |context: ContextArgs| Connection::new(context.resolve()?);
    match command {
        Command::Dev(args) => commands::dev::run(&args).await?,
        Command::Run(client) => {
            return commands::run::run(&client.context, output, &client.args).await;
        }
        Command::Master(args) => commands::master::run(&args).await?,
        Command::Masters(args) => commands::masters::run(*args, output).await?,
        Command::Agent(args) => commands::agent::run(&args).await?,
        Command::Status(context) => commands::status::run(&connect(context)?, output).await?,
        Command::Agents(args) => commands::agents::run(*args, output).await?,
        Command::Images(args) => commands::images::run(&args, output).await?,
        Command::Maintenance(command) => commands::maintenance::run(*command, output).await?,
        Command::Frameworks(args) => commands::frameworks::run(*args, output).await?,
        Command::Tasks(Client { context, args }) => {
            commands::listings::tasks(&connect(context)?, output, &args).await?;
        }
        Command::Offers(context) => commands::listings::offers(&connect(context)?, output).await?,
        Command::Why(Client { context, args }) => {
            commands::why::why(&connect(context)?, output, &args).await?;
        }
        Command::Demand(Client { context, args }) => {
            commands::why::demands(&connect(context)?, output, &args).await?;
        }
        Command::Roles(args) => return commands::roles::roles(*args, output).await,
        Command::Reservations(args) => {
            return commands::reservations::reservations(*args, output).await;
        }
        Command::Volumes(args) => return commands::volumes::volumes(*args, output).await,
        Command::Quota(args) => return commands::roles::quota(*args, output).await,
        Command::Logs(Client { context, args }) => {
            commands::logs::run(&connect(context)?, &args).await?;
        }
        Command::Groups(Client { context, args }) => {
            commands::groups::run(&connect(context)?, output, &args).await?;
        }
        Command::Kill(Client { context, args }) => {
            commands::kill::run(&connect(context)?, &args).await?;
        }
        Command::Events(Client { context, args }) => {
            commands::events::run(&connect(context)?, output, &args).await?;
        }
        Command::Trial(command) => {
            // It takes all processors for as long as it likes.
            let trial = move || commands::trial::trial(&command, output);
            return tokio::task::spawn_blocking(trial).await?;
        }
        Command::Sim(command) => {
            // As trials do.
            let sim = move || commands::sim::sim(&command, output);
            return tokio::task::spawn_blocking(sim).await?;
        }
        Command::Certificates(args) => commands::certificates::run(&args)?,
        Command::Completion(args) => commands::completion::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
