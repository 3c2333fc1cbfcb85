//! The trait a database plugin's author implements, and its door.

use serde_json::Value;

use crate::{
    serve::{About, Serve, reply},
    wire::{
        Facts, Kind, Manifest, Request,
        conversation::{
            Command, Context, Handle, Observe, Output, Packages, Plan, Purpose as _, Read,
        },
        database::{AppSettings, Attachment, Purpose},
        refusal::{Answer, Refusal},
        schema::Schema,
        step::Step,
    },
};

/// A database engine. All functions are pure: they name what is to be done on handles core issued, and do nothing.
pub trait Database {
    /// Who it is.
    fn about(&self) -> About;

    /// The settings it takes.
    fn settings(&self) -> Schema;

    /// Steps that prove `database` can be reached, is whole and has tables.
    ///
    /// # Errors
    /// As every function here: why it cannot be done.
    fn check(&self, database: &Handle, context: &Context) -> Answer<Vec<Step>>;

    /// Steps that write one consistent state of `database`, in use or not, into `file`.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn dump(&self, database: &Handle, file: &Handle, context: &Context) -> Answer<Vec<Step>>;

    /// Steps that make `database`, which does not exist yet, from a dump in `file`.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn load(&self, file: &Handle, database: &Handle, context: &Context) -> Answer<Vec<Step>>;

    /// Steps whose kept output `read` turns into the fact [`ROWS`](crate::wire::database::ROWS).
    ///
    /// # Errors
    /// See [`Database::check`].
    fn count(&self, database: &Handle, context: &Context) -> Answer<Vec<Step>>;

    /// Steps that make a place in which the app can create its tables.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn provision(&self, _database: &Handle, _context: &Context) -> Answer<Vec<Step>> {
        Err(Refusal::cannot(
            "this engine makes no databases",
            "create it by hand before installing",
        ))
    }

    /// What the app must be told to use `database`.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn app_settings(&self, _database: &Handle, _context: &Context) -> Answer<Attachment> {
        Err(Refusal::cannot(
            "this engine does not say how an app reaches it",
            "no app can be installed on it",
        ))
    }

    /// Steps that copy `database`, which nobody uses any more, to `next`, which does not exist yet.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn next_generation(
        &self,
        _database: &Handle,
        _next: &Handle,
        _context: &Context,
    ) -> Answer<Vec<Step>> {
        Err(Refusal::cannot(
            "this engine cannot copy a database beside itself",
            "an update needs a dump as its undo",
        ))
    }

    /// Steps that remove `copy`, made by `load` or `next_generation`, with everything that belongs to it. Twice is once.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn remove(&self, _copy: &Handle, _context: &Context) -> Answer<Vec<Step>> {
        Err(Refusal::cannot(
            "this engine removes no databases",
            "an update cannot be rehearsed on a copy",
        ))
    }

    /// Steps whose kept output `read` turns into the fact [`NEWER`](crate::wire::database::NEWER).
    ///
    /// # Errors
    /// See [`Database::check`].
    fn compare(&self, _databases: &Compared<'_>, _context: &Context) -> Answer<Vec<Step>> {
        Err(Refusal::cannot(
            "this engine does not compare databases",
            "what would be lost by going back cannot be told beforehand",
        ))
    }

    /// Steps that write what is newer into `file`, which does not exist yet.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn export_newer(
        &self,
        _databases: &Compared<'_>,
        _file: &Handle,
        _context: &Context,
    ) -> Answer<Vec<Step>> {
        Err(Refusal::cannot(
            "this engine exports no rows",
            "back up the instance before going back",
        ))
    }

    /// Packages of the guest's distribution it needs: the client, or the engine itself.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn packages(&self, _settings: &Facts) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }

    /// Read-only commands whose output `read` must see before the purpose can be planned.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn observe(&self, _purpose: &Purpose, _context: &Context) -> Answer<Vec<Command>> {
        Ok(Vec::new())
    }

    /// What the output of an observed command or a planned step, kept under `name`, means.
    ///
    /// # Errors
    /// See [`Database::check`].
    fn read(&self, _purpose: &Purpose, _name: &str, _output: &Output) -> Answer<Facts> {
        Ok(Facts::new())
    }
}

/// Two databases to compare.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// What was in service before, as it was left.
    pub then: &'a Handle,
    /// What is in service.
    pub now: &'a Handle,
    /// Tables that do not count.
    pub leave_out: &'a [String],
}

impl<'a> Compared<'a> {
    /// These two.
    pub fn of(then: &'a Handle, now: &'a Handle, leave_out: &'a [String]) -> Compared<'a> {
        Compared {
            then,
            now,
            leave_out,
        }
    }
}

/// A [`Database`] as the door sees it.
#[derive(Debug, Default)]
pub struct DatabaseDoor<D>(pub D);

impl<D: Database> Serve for DatabaseDoor<D> {
    fn manifest(&self) -> Manifest {
        let methods = [
            Packages::METHOD,
            AppSettings::METHOD,
            Observe::<Purpose>::METHOD,
            Read::<Purpose>::METHOD,
            Plan::<Purpose>::METHOD,
        ];
        self.0
            .about()
            .manifest(Kind::Database, &methods, Purpose::NAMES, self.0.settings())
    }

    fn answer(&self, method: &str, params: Value) -> Answer<Value> {
        let Self(db) = self;
        match method {
            Packages::METHOD => reply::<Packages>(params, |r| db.packages(&r.settings)),
            AppSettings::METHOD => {
                reply::<AppSettings>(params, |r| db.app_settings(&r.database, &r.context))
            }
            Observe::<Purpose>::METHOD => reply(params, |r: Observe<Purpose>| {
                db.observe(&r.purpose, &r.context)
            }),
            Read::<Purpose>::METHOD => reply(params, |r: Read<Purpose>| {
                db.read(&r.purpose, &r.name, &r.output)
            }),
            Plan::<Purpose>::METHOD => {
                reply(params, |r: Plan<Purpose>| plan(db, &r.purpose, &r.context))
            }
            other => Err(Refusal::unknown_method(other)),
        }
    }
}

fn plan(db: &impl Database, purpose: &Purpose, context: &Context) -> Answer<Vec<Step>> {
    match purpose {
        Purpose::Provision { database } => db.provision(database, context),
        Purpose::Check { database } => db.check(database, context),
        Purpose::Dump { database, file } => db.dump(database, file, context),
        Purpose::Load { file, database } => db.load(file, database, context),
        Purpose::Count { database } => db.count(database, context),
        Purpose::NextGeneration { database, next } => db.next_generation(database, next, context),
        Purpose::Remove { copy } => db.remove(copy, context),
        Purpose::Compare {
            then,
            now,
            leave_out,
        } => db.compare(&Compared::of(then, now, leave_out), context),
        Purpose::ExportNewer {
            then,
            now,
            file,
            leave_out,
        } => db.export_newer(&Compared::of(then, now, leave_out), file, context),
        // Whoever only looks has nothing to do.
        Purpose::Status { .. } => Ok(Vec::new()),
    }
}
