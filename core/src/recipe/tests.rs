use super::*;
use crate::settings::Origin;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates")
}

/// The shipped recipe with changes: file, what is replaced, by what. Everything that is found then.
fn changed(changes: &[(&str, &str, &str)]) -> String {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("vikunja");
    fs::create_dir(&directory).unwrap();
    for entry in fs::read_dir(shipped().join("vikunja")).unwrap().flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), directory.join(entry.file_name())).unwrap();
        }
    }
    for (file, old, new) in changes {
        let path = directory.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} has no {old}");
        fs::write(&path, text.replacen(old, new, 1)).unwrap();
    }
    let found = match examine(&directory) {
        Ok(_) => Vec::new(),
        Err(RecipeError::Invalid(found)) => found,
        Err(error) => panic!("{error}"),
    };
    let texts = found.iter().map(|found| quoted(found, &directory));
    texts.collect::<Vec<_>>().join("\n")
}

/// A finding with the text of its line instead of the line's number.
fn quoted(found: &Finding, directory: &Path) -> String {
    let Origin::File { name, line } = &found.origin else {
        panic!("{found}")
    };
    let text = fs::read_to_string(name).unwrap();
    let said = text.lines().nth(line - 1).unwrap_or_default().trim();
    let place = format!("{name}, line {line}: ");
    let clause = found.to_string().replace(&place, "");
    let file = name.strip_prefix(&format!("{}/", directory.display()));
    let clause = clause.replace(&format!("{}/", directory.display()), "");
    format!("{}: {said}\n    {clause}", file.unwrap())
}

#[test]
fn every_shipped_recipe_is_sound() {
    for app in names(&shipped()) {
        load(&shipped(), &app).unwrap();
    }
    assert!(names(&shipped()).contains(&"vikunja".to_owned()));
}

#[test]
fn an_unknown_recipe_is_answered_with_the_known_ones() {
    let error = load(&shipped(), "vikunia").unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no recipe `vikunia`; these are here: vikunja"
    );
    assert!(load(&shipped(), "../templates/vikunja").is_err());
}

#[test]
fn everything_that_is_wrong_is_said_with_its_line() {
    let recipe = "recipe.yaml";
    let unit = "backend@.service.j2";
    let found = changed(&[
        (recipe, "schema: 1", "schema: 2"),
        (recipe, "app: vikunja", "app: Vikunja"),
        (recipe, "user: vikunja", "user: root"),
        (recipe, "title: Vikunja", "titel: Vikunja"),
        (recipe, "mode: \"0755\"", "mode: \"0855\""),
        (recipe, "length: 64", "length: 4"),
        (recipe, "path: /var/log/vikunja", "path: var/log/../vikunja"),
        (
            recipe,
            "template: environment.j2",
            "template: enviroment.j2",
        ),
        (recipe, "component: backend", "component: backed"),
        (recipe, "port_green: 3457", "port_green: 3456"),
        (recipe, "start_seconds: 60", "start_second: 60"),
        (recipe, "path: /health", "path: health"),
        (
            recipe,
            "equals: \"{{ reported }}\"",
            "equals: \"{{ reportet }}\"",
        ),
        ("colour.env.j2", "{{ port }}", "{{ prot }}"),
        (unit, "User={{ user }}\n", ""),
        (unit, "ConditionPathExists=|!/var/lib/homeport/fence\n", ""),
        (unit, "ExecCondition=", "ExecStartPre="),
        (unit, "homeport-recover.service\nWants", "\nWants"),
        (unit, "{{ data.logs }}", "{{ data.log }}"),
    ]);
    insta::assert_snapshot!(found);
}

#[test]
fn a_damaged_template_is_named_with_its_line() {
    let found = changed(&[("colour.env.j2", "{{ port }}", "{{ port }")]);
    assert!(
        found.starts_with("colour.env.j2: VIKUNJA_SERVICE_INTERFACE"),
        "{found}"
    );
    assert_eq!(found.lines().count(), 2, "{found}");
}

#[test]
fn a_recipe_may_be_named_by_its_file_or_its_directory() {
    let path = shipped().join("vikunja");
    assert!(examine(&path).is_ok() && examine(&path.join(FILE)).is_ok());
    let missing = examine(&path.join("nothing.yaml")).unwrap_err();
    assert!(missing.to_string().contains("cannot be read"), "{missing}");
}

#[test]
fn a_missing_value_is_an_error_not_a_blank() {
    let loaded = load(&shipped(), "vikunja").unwrap();
    let values = BTreeMap::from([("version", "1")]);
    assert_eq!(loaded.text("v{{ version }}", &values).unwrap(), "v1");
    assert!(loaded.text("v{{ vrsion }}", &values).is_err());
}

/// The reference is a recipe, with the templates it would need.
#[test]
fn the_reference_is_a_recipe_that_passes() {
    let text = fs::read_to_string(shipped().join("README.md")).unwrap();
    let example = text.split("```yaml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let unit = text.split("## A slot's unit").nth(1).unwrap();
    let unit = unit.lines().filter_map(|line| line.strip_prefix("    "));
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("notes");
    fs::create_dir(&directory).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let named = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let fixed = named.filter(|name| !name.contains('<'));
    let (slots, others): (Vec<_>, Vec<_>) =
        fixed.partition(|name| ["colour", "port"].contains(name));
    let line = |name: &&str| format!("{{{{ {name} }}}}");
    let used = |names: &[&str]| names.iter().map(line).collect::<Vec<_>>().join("\n");
    for (name, content) in [
        (FILE, example.to_owned()),
        ("server@.service.j2", unit.collect::<Vec<_>>().join("\n")),
        ("slot.env.j2", used(&slots)),
        (
            "environment.j2",
            used(&others) + "{{ settings.mail_host | env }}{{ secrets.session_key }}",
        ),
    ] {
        fs::write(directory.join(name), content).unwrap();
    }
    let found = examine(&directory);
    assert!(found.is_ok(), "{}", found.unwrap_err());
    assert!(
        others.len() > 10 && slots.len() == 2,
        "{others:?} {slots:?}"
    );
}

/// Unknown variables are ignored by the app in silence: a slip of the pen would never show. Keys of v2.5.0 as it
/// documents them.
#[test]
fn every_variable_is_one_the_app_knows() {
    const KNOWN: &[&str] = &[
        "SERVICE_INTERFACE",
        "SERVICE_PUBLICURL",
        "SERVICE_ROOTPATH",
        "SERVICE_SECRET_FILE",
        "SERVICE_JWTSECRET_FILE",
        "SERVICE_TIMEZONE",
        "SERVICE_ENABLEREGISTRATION",
        "SERVICE_IPEXTRACTIONMETHOD",
        "SERVICE_TRUSTEDPROXIES",
        "DATABASE_TYPE",
        "DATABASE_PATH",
        "DATABASE_HOST",
        "DATABASE_USER",
        "DATABASE_PASSWORD_FILE",
        "DATABASE_DATABASE",
        "DATABASE_SSLMODE",
        "DATABASE_SSLROOTCERT",
        "DATABASE_TLS",
        "DATABASE_MAXOPENCONNECTIONS",
        "DATABASE_MAXIDLECONNECTIONS",
        "FILES_BASEPATH",
        "FILES_MAXSIZE",
        "LOG_PATH",
        "MAILER_ENABLED",
        "MAILER_HOST",
        "MAILER_PORT",
        "MAILER_FORCESSL",
        "MAILER_FROMEMAIL",
        "MAILER_USERNAME",
        "MAILER_PASSWORD_FILE",
    ];
    let mut seen = 0;
    for template in ["environment.j2", "colour.env.j2"] {
        let text = fs::read_to_string(shipped().join("vikunja").join(template)).unwrap();
        let lines = text.lines().filter(|line| line.starts_with("VIKUNJA_"));
        for line in lines {
            let name = line.split('=').next().unwrap_or_default();
            let known = name.strip_prefix("VIKUNJA_").unwrap_or_default();
            assert!(KNOWN.contains(&known), "{template}: {name}");
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}

#[test]
fn any_text_is_one_value_of_a_file_of_variables() {
    let written = environment().render_str(
        "{{ x | env }}",
        minijinja::context!(x => "a \"b\" $c `d` \\e #f"),
    );
    assert_eq!(written.unwrap(), r##""a \"b\" \$c \`d\` \\e #f""##);
}

#[test]
fn what_an_app_s_own_settings_need_is_checked() {
    let found = changed(&[
        (FILE, "type: port", "type: prot"),
        (FILE, "of: [starttls, tls]", "of: []"),
        (
            FILE,
            "needs: [mail_host, mail_username]",
            "needs: [mail_hots]",
        ),
        (FILE, "name: mail_from", "name: domain"),
        (FILE, "asks: 2", "asks: 0"),
        (FILE, "{{ email }}", "{{ domain }}"),
        (FILE, "not_across: minute", "not_across: day"),
    ]);
    for wanted in [
        "is \"prot\", but must be one of text, integer, port, path, choice, flag, secret_file",
        "is choice, but `of` names no words",
        "there is no such setting – did you mean `mail_host`?",
        "is the name of a setting that every deployment has",
        "`first_login.asks` is 0, but must be from 1 to 4",
        "`domain` is not a value a recipe has",
        "is \"day\", but must be one of minute, hour",
    ] {
        assert!(found.contains(wanted), "{wanted}\n{found}");
    }
}
