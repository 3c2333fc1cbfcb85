//! The registries this host is configured with for Go's modules and npm's packages: variables first, then the tools' own
//! files. An address that holds a password is none that can be handed on.

/// What the host's own tools are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    /// Base URL of a Go module proxy.
    pub go_proxy: Option<String>,
    /// Base URL of an npm registry.
    pub npm: Option<String>,
}

impl Registries {
    /// Finds them. `variable` is the environment; `go_env` and `npmrc` are the contents of the tools' files, the nearest
    /// first.
    pub(super) fn find(
        variable: &dyn Fn(&str) -> Option<String>,
        go_env: &str,
        npmrc: &[String],
    ) -> Registries {
        let go = variable("GOPROXY").or_else(|| value(go_env, "GOPROXY"));
        let npm = variable("npm_config_registry")
            .or_else(|| variable("NPM_CONFIG_REGISTRY"))
            .or_else(|| npmrc.iter().find_map(|text| value(text, "registry")));
        Registries {
            // A list: the first proxy in it is asked first.
            go_proxy: go.and_then(|list| list.split([',', '|']).find_map(usable)),
            npm: npm.and_then(|url| usable(&url)),
        }
    }
}

/// `KEY=VALUE`, blanks around the sign allowed.
fn value(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn usable(url: &str) -> Option<String> {
    let url = url.trim().trim_end_matches('/');
    let (scheme, rest) = url.split_once("://")?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '"' | '\'' | '$');
    (matches!(scheme, "http" | "https") && !rest.is_empty() && !rest.contains(odd))
        .then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_before_files_and_passwords_stay_here() {
        let none = |_: &str| None;
        let files = [
            "registry = https://npm.example/ \n".to_owned(),
            "registry=https://x".to_owned(),
        ];
        let found = Registries::find(&none, "GOPROXY=off,https://go.example|direct\n", &files);
        assert_eq!(found.go_proxy.as_deref(), Some("https://go.example"));
        assert_eq!(found.npm.as_deref(), Some("https://npm.example"));
        let variables =
            |name: &str| (name == "GOPROXY").then(|| "https://u:p@go.example".to_owned());
        assert_eq!(Registries::find(&variables, "", &[]), Registries::default());
    }
}
