//! The `rhumb` command. All of it is in [`rhumb::cli`].

fn main() -> std::process::ExitCode {
    rhumb::cli::main()
}
