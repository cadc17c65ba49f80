//! The program as a script sees it: arguments in, text and an exit code out.

mod check;
mod init;
mod support;
