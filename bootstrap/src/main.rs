//! `bootstrap`: gets a Homeport release onto this machine, proves it genuine, and hands over to it.
//! Installs nothing itself, and has no switch that accepts an unproven byte.

mod args;
mod failure;
mod session;
mod show;

use std::process::ExitCode;

use args::Call;
use homeport_bootstrap::trust;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let result = match args::parse(arguments, &|name| {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }) {
        Ok(Call::Help) => show::result(args::HELP),
        Ok(Call::Version) => {
            show::result(concat!("homeport-bootstrap ", env!("CARGO_PKG_VERSION")))
        }
        Ok(Call::PrintTrust) => print_trust(),
        Ok(Call::Start(start)) => session::run(*start),
        Err(usage) => Err(usage.into()),
    };
    ExitCode::from(result.unwrap_or_else(|failure| {
        show::failure(&failure);
        failure.code
    }))
}

/// What this build trusts and where it looks, in a form `minisign -P` takes.
fn print_trust() -> Result<u8, failure::Failure> {
    trust::Key::compiled()?;
    let key = trust::COMPILED_KEY.unwrap_or_default();
    let base = args::DEFAULT_BASE_URL.unwrap_or("none; give --base-url");
    show::result(&format!("public key: {key}\nbase URL: {base}"))
}
