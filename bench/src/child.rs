//! This program again as another process, where what is measured happens between processes.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::Context;

/// What another process does.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Role {
    /// Takes builds from our table and ends them, until none waits
    Drain {
        /// The table's directory
        directory: std::path::PathBuf,
    },
    /// The same by hand, in one transaction for each build
    DrainByHand {
        /// The table's directory
        directory: std::path::PathBuf,
    },
    /// Says when it is woken, as our workers are
    Wake {
        /// The table's directory
        directory: std::path::PathBuf,
    },
    /// Says when a datagram arrives
    WakeByHand {
        /// The socket
        socket: std::path::PathBuf,
    },
}

impl Role {
    const fn word(&self) -> &'static str {
        match self {
            Self::Drain { .. } => "drain",
            Self::DrainByHand { .. } => "drain-by-hand",
            Self::Wake { .. } => "wake",
            Self::WakeByHand { .. } => "wake-by-hand",
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Drain { directory }
            | Self::DrainByHand { directory }
            | Self::Wake { directory } => directory,
            Self::WakeByHand { socket } => socket,
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
            .arg(role.word())
            .arg(role.path())
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
