//! SQLite: the database is a file of the app's own, one directory per generation.
//! Never copies the file as a file: after a clean stop its newest rows may still be in `-wal` beside it, and on a fresh
//! instance the main file alone has no tables (measured). SQLite itself copies.

mod newer;
mod program;
mod reading;
mod status;
#[cfg(test)]
mod tests;

use homeport_plugin_api::{
    About, Answer, Compared, Database,
    wire::{
        Facts,
        conversation::{Command, Context, Handle, Output},
        database::{Attachment, Purpose, Value},
        schema::Schema,
        step::{Directory, Is, Require, Run, Step},
    },
};

use crate::program::{COPY, Mode, SCHEMA, TABLE_NAMES, directory, plain, reopened, sqlite3};

/// The plugin.
#[derive(Debug, Default)]
pub struct Sqlite;

homeport_plugin_api::export_plugin!(Sqlite: Database);

impl Database for Sqlite {
    fn about(&self) -> About {
        About {
            name: "sqlite",
            version: env!("CARGO_PKG_VERSION"),
            summary: "A file beside the app: nothing to set up, right for a household or a small team.",
        }
    }

    fn settings(&self) -> Schema {
        Schema::default()
    }

    fn packages(&self, _settings: &Facts) -> Answer<Vec<String>> {
        Ok(vec!["sqlite3".to_owned()])
    }

    fn provision(&self, database: &Handle, context: &Context) -> Answer<Vec<Step>> {
        let place = directory(plain(&database.path)?)?;
        let above = owned_directory(directory(place)?, context);
        Ok(vec![above.into(), owned_directory(place, context).into()])
    }

    fn app_settings(&self, database: &Handle, _context: &Context) -> Answer<Attachment> {
        let path = Value::Text(plain(&database.path)?.to_owned());
        Ok(Attachment {
            dialect: "sqlite".to_owned(),
            values: [("path".to_owned(), path)].into(),
        })
    }

    fn check(&self, database: &Handle, context: &Context) -> Answer<Vec<Step>> {
        let script = "PRAGMA integrity_check(20);\n";
        let whole = sqlite3(
            "Check every page of the database",
            database,
            Mode::Read,
            script,
            context,
        )?;
        let mut steps = vec![
            whole.keep("integrity", 64 * 1024).within(900).into(),
            Require::new(
                "integrity",
                Is::Equal("ok".to_owned()),
                format!("The database {} is damaged.", database.path),
                "Restore the newest backup that `homeport backups` lists as verified.",
            )
            .into(),
        ];
        steps.extend(has_tables(database, context)?);
        Ok(steps)
    }

    fn dump(&self, database: &Handle, file: &Handle, context: &Context) -> Answer<Vec<Step>> {
        let target = plain(&file.path)?;
        let script = format!("{}{}", COPY.replace("{}", target), reopened(target));
        let copy = sqlite3(
            "Copy one state of the database",
            database,
            Mode::Read,
            &script,
            context,
        )?;
        Ok(vec![
            copy.creates(&file.name).within(900).into(),
            sync(file, &[target, directory(target)?], context),
        ])
    }

    fn load(&self, file: &Handle, database: &Handle, context: &Context) -> Answer<Vec<Step>> {
        let script = COPY.replace("{}", plain(&database.path)?);
        let copy = sqlite3("Load the database", file, Mode::Read, &script, context)?;
        in_new_directory(copy, database, context)
    }

    fn next_generation(
        &self,
        database: &Handle,
        next: &Handle,
        context: &Context,
    ) -> Answer<Vec<Step>> {
        let script = format!(
            "{}{}",
            program::ALONE,
            COPY.replace("{}", plain(&next.path)?)
        );
        let copy = sqlite3(
            "Copy the database to its next generation",
            database,
            Mode::Write,
            &script,
            context,
        )?;
        in_new_directory(copy, next, context)
    }

    fn remove(&self, copy: &Handle, context: &Context) -> Answer<Vec<Step>> {
        let place = directory(plain(&copy.path)?)?;
        let run = Run::new("Remove the copy", &context.user, ["rm", "-rf", "--", place]);
        Ok(vec![run.destroys(&copy.name).within(120).into()])
    }

    fn observe(&self, purpose: &Purpose, context: &Context) -> Answer<Vec<Command>> {
        match purpose {
            Purpose::Count { database } => Ok(vec![
                program::command(reading::TABLES, database, TABLE_NAMES, context)?,
                program::command(reading::SCHEMA, database, SCHEMA, context)?,
            ]),
            Purpose::Compare { then, now, .. } | Purpose::ExportNewer { then, now, .. } => {
                newer::looks(then, now, context)
            }
            Purpose::Status { database } => status::looks(database, context),
            _ => Ok(Vec::new()),
        }
    }

    fn read(&self, purpose: &Purpose, name: &str, output: &Output) -> Answer<Facts> {
        match purpose {
            Purpose::Status { database } => status::facts(database, name, output),
            _ => reading::facts(name, output),
        }
    }

    fn compare(&self, databases: &Compared<'_>, context: &Context) -> Answer<Vec<Step>> {
        Ok(vec![newer::compare(databases, context)?.into()])
    }

    fn export_newer(
        &self,
        databases: &Compared<'_>,
        file: &Handle,
        context: &Context,
    ) -> Answer<Vec<Step>> {
        Ok(vec![newer::export(databases, file, context)?.into()])
    }

    fn count(&self, database: &Handle, context: &Context) -> Answer<Vec<Step>> {
        let script = program::counting(&reading::tables(&context.facts)?);
        let count = sqlite3(
            "Count the rows of every table",
            database,
            Mode::Read,
            &script,
            context,
        )?;
        Ok(vec![
            count.keep(reading::COUNTS, 1024 * 1024).within(300).into(),
        ])
    }
}

/// A copy into a directory that must not exist: nothing can be overwritten, and no `-wal` of another database can lie
/// in wait beside the new file (SQLite would take its rows for this one's).
fn in_new_directory(copy: Run, target: &Handle, context: &Context) -> Answer<Vec<Step>> {
    let path = plain(&target.path)?;
    let place = directory(path)?;
    let above = directory(place)?;
    let title = "Make the generation's directory";
    let mut steps = vec![
        owned_directory(above, context).into(),
        Run::new(title, &context.user, ["mkdir", "-m", "0750", place])
            .creates(&target.name)
            .within(30)
            .into(),
        copy.creates(&target.name).within(900).into(),
        sync(target, &[path, place, above], context),
    ];
    steps.extend(has_tables(target, context)?);
    Ok(steps)
}

/// Nobody but the app's user sees what is in it.
fn owned_directory(path: &str, context: &Context) -> Directory {
    let (owner, group) = (context.user.clone(), context.user.clone());
    Directory {
        path: path.to_owned(),
        mode: "0750".to_owned(),
        owner,
        group,
    }
}

/// The sign that rows were left behind in `-wal` is a file without tables.
fn has_tables(database: &Handle, context: &Context) -> Answer<Vec<Step>> {
    let script = "SELECT count(*) FROM sqlite_master WHERE type = 'table';\n";
    let count = sqlite3(
        "See that the database has tables",
        database,
        Mode::Read,
        script,
        context,
    )?;
    let require = Require::new(
        "tables",
        Is::AtLeast(1),
        format!("The database {} has no tables.", database.path),
        "Look at the app's log: it makes its tables when it starts.",
    );
    Ok(vec![
        count.keep("tables", 64).within(60).into(),
        require.into(),
    ])
}

/// What later decisions rest on reaches the disk and survives a power cut.
fn sync(handle: &Handle, paths: &[&str], context: &Context) -> Step {
    let argv = ["sync"].iter().chain(paths).copied();
    let run = Run::new("Write the copy to the disk", &context.user, argv);
    run.reads(&handle.name).within(120).into()
}
