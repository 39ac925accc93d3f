//! The jail as a program of its own, for this crate's tests and for hosts where the supervisor
//! should not be the one big binary. It takes no arguments; everything is in the plan on stdin.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    jail::main_from_stdin()
}
