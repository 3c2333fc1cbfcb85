//! What a guest tells of a source, and the stages planned from it. One tool is there already, one comes from a registry, one
//! from its publisher.

use homeport_core::plan::build::{Format, Got, Tool};
use homeport_core::plan::deploy::Deploy;
use homeport_engine::op::{Op, Trust};
use homeport_engine::plan::Plan;
use homeport_engine::require::{Observation, Observations};

/// As the guest tells it: files in base64.
const TOLD: &str = "\
kind tag
commit 0123456789abcdef0123456789abcdef01234567
described v2.5.0
file go.mod bW9kdWxlIHgKZ28gMS4yNi40Cg==
file frontend/.nvmrc MjQuMTkuMAo=
file frontend/package.json eyJwYWNrYWdlTWFuYWdlciI6InBucG1AMTEuMTkuMCJ9
tool pnpm-11.19.0
";

/// The stages between `base` and `app`; none, if nothing is built.
pub fn stages(deploy: &Deploy<'_>, first: u32) -> Vec<Plan> {
    let Some(source) = deploy.source(first) else {
        return Vec::new();
    };
    let observed = source.steps.iter().find_map(|step| match &step.op {
        Op::Observe { name, .. } => Some(name.clone()),
        _ => None,
    });
    let seen = Observation {
        exit: 0,
        stdout: TOLD.to_owned(),
    };
    let seen = Observations::from([(observed.unwrap(), seen)]);
    let build = deploy.build.as_ref().unwrap();
    let revision = build.revision(&seen).unwrap();
    assert_eq!(
        (revision.version.as_str(), revision.pins.len()),
        ("2.5.0", 3)
    );
    let tools = [
        tool(
            "go",
            "1.26.4",
            Trust::ModuleSum("h1:x".to_owned()),
            Format::Module,
        ),
        tool(
            "node",
            "24.19.0",
            Trust::Digest("a".repeat(64)),
            Format::Tar,
        ),
        Tool {
            name: "pnpm".to_owned(),
            version: "11.19.0".to_owned(),
            got: None,
        },
    ];
    let built = deploy.release_built(source.end(), &revision, &tools);
    vec![source, built.unwrap().unwrap()]
}

fn tool(name: &str, version: &str, trust: Trust, format: Format) -> Tool {
    Tool {
        name: name.to_owned(),
        version: version.to_owned(),
        got: Some(Got {
            url: format!("https://tools.example.org/{name}-{version}"),
            trust,
            format,
        }),
    }
}
