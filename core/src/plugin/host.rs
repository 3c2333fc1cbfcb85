//! Asks plugins. Each lives in its own confined process, which is started when first needed, serves any number of
//! questions, and is replaced after it has misbehaved.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use homeport_plugin_api::{
    Refusal,
    wire::{Call, Manifest, Refused, Reply, Request, WIRE},
};

use super::{
    Confinement, Library, PluginError,
    frame::{LINE_LIMIT, Said},
    manifest::read_manifest,
    process::{NoAnswer, Process, excerpt},
};

/// How plugins' processes are started.
#[derive(Debug, Clone)]
pub struct Host {
    program: PathBuf,
    patience: Duration,
}

impl Default for Host {
    /// This very program, even if its file has been replaced meanwhile; five seconds for an answer.
    fn default() -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            patience: Duration::from_secs(5),
        }
    }
}

impl Host {
    /// Uses another `homeport` than the running program as the plugins' process.
    pub fn with_program(self, program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            ..self
        }
    }

    /// Waits this long for an answer.
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Starts a plugin and reads its manifest.
    ///
    /// # Errors
    /// It cannot be confined, is no plugin, or speaks a newer wire version.
    pub fn start(&self, library: Library) -> Result<Plugin, PluginError> {
        let (process, manifest, confinement) = self.process(&library)?;
        Ok(Plugin {
            host: self.clone(),
            library,
            manifest,
            confinement,
            process: Some(process),
        })
    }

    fn process(&self, library: &Library) -> Result<(Process, Manifest, Confinement), PluginError> {
        let not_started = |why: String| PluginError::NotStarted {
            plugin: library.name(),
            why,
        };
        let not_loaded = |why: String| PluginError::NotLoaded {
            plugin: library.name(),
            why,
        };
        let memory = library.memory().map_err(|e| not_started(e.to_string()))?;
        let mut process =
            Process::start(&self.program, memory).map_err(|e| not_started(e.to_string()))?;
        let line = process
            .exchange(None, self.patience)
            .map_err(|stop| match stop {
                NoAnswer::Ended(how) => not_loaded(how),
                other => no_answer(other, library.name(), "load", self.patience),
            })?;
        match said(&line).map_err(not_loaded)? {
            Said::Ready {
                manifest,
                confinement,
            } => Ok((
                process,
                read_manifest(&manifest).map_err(not_loaded)?,
                confinement,
            )),
            Said::Unconfined(why) => Err(not_started(why)),
            Said::NotLoaded(why) => Err(not_loaded(why)),
            Said::Reply(_) | Said::Refusal(_) => {
                Err(not_loaded("it answered before it was asked".to_owned()))
            }
        }
    }
}

/// A plugin that can be asked. Dropping it ends its process.
pub struct Plugin {
    host: Host,
    library: Library,
    manifest: Manifest,
    confinement: Confinement,
    process: Option<Process>,
}

impl Plugin {
    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its verified file.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// What holds its process.
    pub fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    /// The id of its process, if one is running.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Asks it. What the manifest does not list is not asked, but answered here: it cannot.
    ///
    /// # Errors
    /// It refuses, or breaks its contract.
    pub fn call<R: Request>(&mut self, request: &R) -> Result<R::Answer, PluginError> {
        if let Some(refusal) = self.beyond(R::METHOD, request.purpose()) {
            return Err(self.refused(R::METHOD, refusal));
        }
        let params = serde_json::to_value(request)
            .map_err(|e| self.garbled(R::METHOD, format!("the question: {e}")))?;
        let call = Call {
            wire: WIRE,
            method: R::METHOD.to_owned(),
            params,
        };
        let text = serde_json::to_string(&call)
            .map_err(|e| self.garbled(R::METHOD, format!("the question: {e}")))?;
        match self.exchange(R::METHOD, &text)? {
            Ok(reply) => self.read_reply(R::METHOD, &reply),
            Err(refusal) => Err(self.read_refusal(R::METHOD, &refusal)),
        }
    }

    fn beyond(&self, method: &str, purpose: Option<&str>) -> Option<Refusal> {
        let Manifest {
            name,
            version,
            methods,
            purposes,
            ..
        } = &self.manifest;
        let knows = methods.iter().any(|known| known == method)
            && purpose.is_none_or(|purpose| purposes.iter().any(|known| known == purpose));
        let what = purpose.unwrap_or(method);
        let because = format!("`{name}` {version} was made before plugins were asked for `{what}`");
        (!knows).then(|| Refusal::cannot(because, "what needs it is not possible with this plugin"))
    }

    /// Sends one message as it is and returns what came back unread: a reply (`Ok`) or a refusal (`Err`).
    ///
    /// # Errors
    /// It crashed, was silent, or said something that is neither.
    pub fn exchange(
        &mut self,
        method: &str,
        message: &str,
    ) -> Result<Result<String, String>, PluginError> {
        if message.len() >= LINE_LIMIT || message.contains('\n') {
            return Err(self.garbled(
                method,
                "the question is no line of at most 8 MiB".to_owned(),
            ));
        }
        let (plugin, patience) = (self.library.name(), self.host.patience);
        let answer = self.process()?.exchange(Some(message), patience);
        let heard = answer.map_err(|stop| no_answer(stop, plugin, method, patience));
        match heard.and_then(|line| said(&line).map_err(|why| self.garbled(method, why))) {
            Ok(Said::Reply(reply)) => Ok(Ok(reply)),
            Ok(Said::Refusal(refusal)) => Ok(Err(refusal)),
            Ok(other) => Err(self.end(self.garbled(method, format!("{other:?}")))),
            Err(error) => Err(self.end(error)),
        }
    }

    /// A process that broke the contract once is not asked again.
    fn end(&mut self, error: PluginError) -> PluginError {
        self.process = None;
        error
    }

    fn process(&mut self) -> Result<&mut Process, PluginError> {
        let mut running = self.process.take();
        let process = match running.take_if(|process| process.is_alive()) {
            Some(process) => process,
            None => self.host.process(&self.library)?.0,
        };
        Ok(self.process.insert(process))
    }

    fn read_reply<A: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        reply: &str,
    ) -> Result<A, PluginError> {
        let read: Result<Reply<A>, _> = serde_json::from_str(reply);
        read.map(|reply| reply.answer)
            .map_err(|e| self.garbled(method, format!("{e}: {}", excerpt(reply))))
    }

    fn read_refusal(&self, method: &str, text: &str) -> PluginError {
        match serde_json::from_str::<Refused>(text) {
            Ok(refused) => self.refused(method, refused.refusal),
            Err(e) => self.garbled(method, format!("{e}: {}", excerpt(text))),
        }
    }

    fn refused(&self, method: &str, refusal: Refusal) -> PluginError {
        PluginError::Refused {
            plugin: self.library.name(),
            method: method.to_owned(),
            refusal: Box::new(refusal),
        }
    }

    fn garbled(&self, method: &str, why: String) -> PluginError {
        PluginError::Garbled {
            plugin: self.library.name(),
            method: method.to_owned(),
            why,
        }
    }
}

fn said(line: &[u8]) -> Result<Said, String> {
    serde_json::from_slice(line)
        .map_err(|e| format!("{e}: {}", excerpt(&String::from_utf8_lossy(line))))
}

fn no_answer(stop: NoAnswer, plugin: String, method: &str, patience: Duration) -> PluginError {
    let method = method.to_owned();
    match stop {
        NoAnswer::Ended(how) => PluginError::Crashed {
            plugin,
            method,
            how,
        },
        NoAnswer::Silent => PluginError::Silent {
            plugin,
            method,
            milliseconds: patience.as_millis(),
        },
        NoAnswer::TooLong => PluginError::TooLong {
            plugin,
            method,
            limit: LINE_LIMIT,
        },
    }
}
