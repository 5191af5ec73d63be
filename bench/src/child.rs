//! This program again as another process, where what is measured happens between processes.

use std::{
    ffi::{OsStr, OsString},
    io::{BufRead, BufReader, Lines, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::Context;

/// What another process does.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Role {
    /// Takes builds from our table and ends them, until none waits
    Drain {
        /// The table's directory
        directory: PathBuf,
        /// It ends as many at most
        most: usize,
    },
    /// The same by hand, in one transaction for each build
    DrainByHand {
        /// The table's directory
        directory: PathBuf,
    },
    /// Says when it is woken, as our workers are
    Wake {
        /// The table's directory
        directory: PathBuf,
    },
    /// Says when a datagram arrives
    WakeByHand {
        /// The socket
        socket: PathBuf,
    },
    /// Answers HTTP with what is always the same, and writes what is posted into the table of the limit
    Serve {
        /// The table's directory
        directory: PathBuf,
        /// The file with what it answers
        answer: PathBuf,
    },
}

impl Role {
    /// [`Role::Drain`].
    pub(crate) fn drain(directory: &Path, most: usize) -> Self {
        Self::Drain {
            directory: directory.to_owned(),
            most,
        }
    }

    fn arguments(&self) -> Vec<OsString> {
        let words = |name: &str, rest: &[&OsStr]| {
            let rest = rest.iter().map(|&word| word.to_owned());
            std::iter::once(name.into()).chain(rest).collect()
        };
        match self {
            Self::Drain { directory, most } => {
                words("drain", &[directory.as_os_str(), most.to_string().as_ref()])
            }
            Self::DrainByHand { directory } => words("drain-by-hand", &[directory.as_os_str()]),
            Self::Wake { directory } => words("wake", &[directory.as_os_str()]),
            Self::WakeByHand { socket } => words("wake-by-hand", &[socket.as_os_str()]),
            Self::Serve { directory, answer } => {
                words("serve", &[directory.as_os_str(), answer.as_os_str()])
            }
        }
    }
}

/// A process that speaks in lines. It is killed with this value.
pub(crate) struct Process {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts one and waits until it is ready.
    pub(crate) fn start(role: &Role) -> anyhow::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this program itself, once more")]
        let mut child = Command::new(std::env::current_exe()?)
            .arg("child")
            .args(role.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take().context("a way to speak")?;
        let from = child.stdout.take().context("a way to listen")?;
        let mut process = Self {
            child,
            to,
            from: BufReader::new(from).lines(),
        };
        process.hear()?;
        Ok(process)
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it begin, or go on.
    pub(crate) fn go(&mut self) -> anyhow::Result<()> {
        Ok(self.to.write_all(b"go\n")?)
    }

    /// The next line that it says.
    pub(crate) fn hear(&mut self) -> anyhow::Result<String> {
        Ok(self.from.next().context("a process ended too early")??)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// In the other process: says something, at once.
pub(crate) fn say(words: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{words}")?;
    Ok(out.flush()?)
}

/// In the other process: says that it is ready and waits until it may go on.
pub(crate) fn ready() -> anyhow::Result<()> {
    say("ready")?;
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
