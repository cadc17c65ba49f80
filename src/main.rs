//! The `hotspare` program; everything is in the library.

fn main() -> std::process::ExitCode {
    hotspare::cli::main()
}
