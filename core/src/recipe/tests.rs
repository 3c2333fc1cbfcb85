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
