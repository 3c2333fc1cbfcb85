//! The suite finds what it is there to find.

use crate::{
    About, Answer, Database, DatabaseDoor, Refusal,
    conformance::check,
    wire::{
        conversation::{Command, Context, Handle},
        database::Purpose,
        schema::{Field, FieldKind, Schema},
        step::{Action, Content, File, Is, Require, Run, Service, Step},
    },
};
use serde_json::json;

/// Breaks a rule in every function.
#[derive(Default)]
struct Rogue(std::cell::Cell<u32>);

impl Database for Rogue {
    fn about(&self) -> About {
        About {
            name: "Rogue!",
            version: "1",
            summary: "",
        }
    }

    fn settings(&self) -> Schema {
        let field = |kind, required| Field {
            name: "Port".to_owned(),
            kind,
            required,
            default: Some(json!("x")),
            help: String::new(),
        };
        Schema {
            fields: vec![field(FieldKind::Port, true), field(FieldKind::Text, false)],
        }
    }

    fn check(&self, _: &Handle, context: &Context) -> Answer<Vec<Step>> {
        Ok(vec![
            Run::new("Look.", "root", ["sh", "-c", "true"])
                .within(0)
                .keep("seen", 0)
                .into(),
            Run::new("Drop", &context.user, ["dropdb"])
                .keep("gone", 9)
                .reads("nobody_s")
                .creates("live")
                .into(),
            Require::new("unseen", Is::NotEmpty, "", "").into(),
        ])
    }

    fn dump(&self, _: &Handle, file: &Handle, _: &Context) -> Answer<Vec<Step>> {
        let secret = File {
            path: "relative".to_owned(),
            mode: "0666".to_owned(),
            owner: "root".to_owned(),
            group: "root".to_owned(),
            content: Content::Secret("password".to_owned()),
        };
        let mut run = Run::new("Drop it", "root", [file.path.as_str()]);
        run.destroys.push("live".to_owned());
        Ok(vec![
            secret.into(),
            run.into(),
            Service {
                unit: "postgresql".to_owned(),
                action: Action::Stop,
            }
            .into(),
        ])
    }

    fn load(&self, _: &Handle, _: &Handle, _: &Context) -> Answer<Vec<Step>> {
        Err(Refusal::cannot(
            "loading is hard",
            "nothing can be restored",
        ))
    }

    fn count(&self, _: &Handle, context: &Context) -> Answer<Vec<Step>> {
        self.0.set(self.0.get() + 1);
        Ok(vec![
            Run::new(&format!("Count {}", self.0.get()), &context.user, ["count"]).into(),
        ])
    }

    fn provision(&self, _: &Handle, _: &Context) -> Answer<Vec<Step>> {
        Err(Refusal::cannot("", ""))
    }

    fn packages(&self, _: &crate::wire::Facts) -> Answer<Vec<String>> {
        Ok(vec!["sqlite3; rm -rf /".to_owned()])
    }

    fn observe(&self, purpose: &Purpose, context: &Context) -> Answer<Vec<Command>> {
        let Purpose::Check { .. } = purpose else {
            return Err(Refusal::unreadable("no idea"));
        };
        let (name, user) = (String::new(), context.user.clone());
        let one = Command {
            name,
            argv: Vec::new(),
            user,
            stdin: None,
            limit: 0,
            timeout_seconds: 9999,
        };
        Ok(vec![one.clone(), one])
    }
}

#[test]
fn every_broken_rule_is_found() {
    insta::assert_snapshot!(check(&mut DatabaseDoor(Rogue::default())).join("\n"));
}

#[test]
fn a_door_that_says_yes_to_everything_is_found() {
    struct Yes;
    impl super::Door for Yes {
        fn manifest(&mut self) -> String {
            let manifest = json!({"wire": 1, "kind": "health", "name": "yes", "version": "1.0.0", "summary": "Yes.", "methods": []});
            manifest.to_string()
        }
        fn call(&mut self, _message: &str) -> Result<String, String> {
            Ok("yes".to_owned())
        }
    }
    let broken = check(&mut Yes);
    assert!(
        broken
            .iter()
            .any(|words| words.contains("is answered with a reply")),
        "{broken:?}"
    );
    assert!(
        broken
            .iter()
            .any(|words| words.contains("its reply is not one")),
        "{broken:?}"
    );
}
