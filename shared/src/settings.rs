//! Every environment variable, read once, before anything starts.
//!
//! A setting has a default that works with a plain `cargo run`; a value that cannot be used is
//! reported with the name of its variable.

mod metrics;
mod operator;
mod privacy;
mod vars;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use anyhow::anyhow;
use ipnet::IpNet;

use crate::telemetry;
pub use metrics::MetricsFor;
pub use operator::OperatorToken;
pub use privacy::PrivacySettings;
use vars::{GIB, KIB, MIB, Vars};

/// All settings of all programs. Each program uses the part it needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the API listens: `KIISRV_HOST` (0.0.0.0) and `KIISRV_PORT` (3001).
    pub listen: SocketAddr,
    /// The directory of the table: `KIISRV_DATA` (`data`).
    pub data: PathBuf,
    /// Finished zips, one directory a build: `KIISRV_ARTIFACTS` (`<data>/artifacts`).
    pub artifacts: PathBuf,
    /// Logs, one directory a build: `KIISRV_LOGS` (`<data>/logs`).
    pub logs: PathBuf,
    /// The layout files: `KIISRV_LAYOUTS` (`layouts`).
    pub layouts: PathBuf,
    /// The settings that only a worker needs.
    pub worker: WorkerSettings,
    /// Proxies whose `X-Forwarded-For` is believed: `KIISRV_TRUSTED_PROXIES`, addresses and networks such as
    /// `10.0.0.0/8` with commas between.
    pub trusted_proxies: Vec<Network>,
    /// How long an old client's request is held open: `KIISRV_HOLD_SECONDS` (600).
    pub hold: Duration,
    /// Connections served at once: `KIISRV_MAX_CONNECTIONS` (2048).
    pub max_connections: usize,
    /// What makes somebody an operator: `KIISRV_OPERATOR_TOKEN`, or a file with it, `KIISRV_OPERATOR_TOKEN_FILE` (none:
    /// nobody is one).
    pub operator: Option<OperatorToken>,
    /// What one client may take of the service, and all of them together.
    pub admission: AdmissionSettings,
    /// How long a stop waits for what is under way: `KIISRV_STOP_SECONDS` (8, as compose kills after 10).
    pub stop_grace: Duration,
    /// What is logged: `KIISRV_LOG` (`info`), in the form of tracing's directives.
    pub log_filter: String,
    /// How a line of the log looks: `KIISRV_LOG_FORMAT` (`text`, or `json`).
    pub log_format: telemetry::Format,
    /// Free bytes below which new work is refused: `KIISRV_DISK_RESERVE_MB` (512).
    pub disk_reserve: u64,
    /// What is kept for how long.
    pub keep: KeepSettings,
    /// What is written down of visitors, and what they are told of it.
    pub privacy: PrivacySettings,
    /// Who may read `/metrics`: `KIISRV_METRICS` (`on`; `off`, or addresses and networks such as `10.0.0.0/8` with
    /// commas between).
    pub metrics: MetricsFor,
}

/// What is kept for how long after a build has ended. Room may end it earlier for zips.
#[derive(Clone, Debug)]
pub struct KeepSettings {
    /// Zips of firmware: `KIISRV_KEEP_FIRMWARE_DAYS` (30).
    pub firmware: Duration,
    /// Zips of failed builds, which hold their log: `KIISRV_KEEP_FAILED_DAYS` (7).
    pub failed: Duration,
    /// Logs: `KIISRV_KEEP_LOGS_DAYS` (30).
    pub logs: Duration,
    /// The layouts that were built, apart from those in zips: `KIISRV_KEEP_LAYOUTS_DAYS` (as logs, and never longer; 0 is
    /// until the build's end).
    pub layouts: Duration,
    /// Rows of builds without zip and log: `KIISRV_KEEP_ROWS_DAYS` (365).
    pub rows: Duration,
    /// Rows of requests: `KIISRV_KEEP_REQUESTS_DAYS` (as rows; 0 is not at all, beyond what is counted).
    pub requests: Duration,
    /// Bytes of all zips together: `KIISRV_KEEP_FIRMWARE_GB` (no bound).
    pub bytes: Option<u64>,
}

/// What clients may take of the service. A client is an address, or a /64 of IPv6.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionSettings {
    /// Connections of one client, trusted proxies apart: `KIISRV_MAX_CONNECTIONS_PER_CLIENT` (256).
    pub connections: usize,
    /// Requests of one client that are held open until a build changes: `KIISRV_MAX_WAITERS_PER_CLIENT` (128).
    pub waiters: usize,
    /// Builds of one client that wait: `KIISRV_MAX_WAITING_PER_CLIENT` (100).
    pub waiting: u32,
    /// Builds of all clients that wait: `KIISRV_MAX_WAITING` (10000).
    pub waiting_in_all: u32,
}

/// Addresses that belong together; a single one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is one of these.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = ipnet::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let one = |address: IpAddr| IpNet::from(address.to_canonical());
        text.parse().map(one).or_else(|_| text.parse()).map(Self)
    }
}

/// What a worker may use and how much of it a build may.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Builds at once: `KIISRV_SLOTS` (half of the processors, at least one).
    pub slots: usize,
    /// Containers that are kept ready for builds at most, by a worker: `KIISRV_PREPARED` (as many as slots; 0 is none).
    pub prepared: usize,
    /// Where inputs are written, as this process sees it: `KIISRV_TMP_CONFIG` (`tmp_config`).
    pub tmp_config: PathBuf,
    /// Where builds leave their output, as this process sees it: `KIISRV_TMP_BUILDS` (`tmp_builds`).
    pub tmp_builds: PathBuf,
    /// The same two as the host knows them: `HOST_TMP_CONFIG`.
    pub host_tmp_config: Option<PathBuf>,
    /// See [`WorkerSettings::host_tmp_config`]: `HOST_TMP_BUILDS`.
    pub host_tmp_builds: Option<PathBuf>,
    /// The engine's socket: `DOCKER_HOST` (`unix:///var/run/docker.sock`).
    pub docker_host: String,
    /// How long a build may run: `KIISRV_BUILD_SECONDS` (300).
    pub build_time: Duration,
    /// Memory of a build's container in bytes, swap included: `KIISRV_BUILD_MEMORY_MB` (512).
    pub build_memory: u64,
    /// Processors of a build's container: `KIISRV_BUILD_CPUS` (2).
    pub build_cpus: f64,
    /// Processes and threads of a build's container: `KIISRV_BUILD_PIDS` (256).
    pub build_pids: u32,
    /// Bytes of a build's `/tmp`, which is in its memory: `KIISRV_BUILD_SCRATCH_MB` (128).
    pub build_scratch: u64,
    /// Bytes that a build may write below `/mnt/builds`: `KIISRV_BUILD_OUTPUT_MB` (64).
    pub build_output: u64,
    /// Files and directories that a build may leave there: `KIISRV_BUILD_FILES` (1024).
    pub build_files: u64,
    /// What bounds a build's output: `KIISRV_BUILD_OUTPUT_BOUND` (`watched`, or `tmpfs`).
    pub output_bound: OutputBound,
    /// Bytes of a build's log that are kept: `KIISRV_LOG_KB` (4096).
    pub log_cap: u64,
    /// Of a hundred builds that start warm, so many are built again cold and compared: `KIISRV_COMPARE_PERCENT` (2).
    pub compare_percent: u8,
    /// Limits that this engine need not enforce, as the self-test names them: `KIISRV_ACCEPT_MISSING`, with commas
    /// between; `all` leaves the self-test out.
    pub accept_missing: Vec<String>,
}

impl Settings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// Names the variable whose value cannot be used.
    pub fn from_environment() -> anyhow::Result<Self> {
        // The one place where the environment is read.
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        Self::from_lookup(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// The same from any lookup, so that tests need not change the process.
    ///
    /// # Errors
    /// Names the variable whose value cannot be used.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let vars = Vars(lookup);
        let data = vars.or("KIISRV_DATA", PathBuf::from("data"))?;
        Ok(Self {
            listen: SocketAddr::new(
                vars.or("KIISRV_HOST", IpAddr::from([0, 0, 0, 0]))?,
                vars.or("KIISRV_PORT", 3001)?,
            ),
            artifacts: vars.or("KIISRV_ARTIFACTS", data.join("artifacts"))?,
            logs: vars.or("KIISRV_LOGS", data.join("logs"))?,
            data,
            layouts: vars.or("KIISRV_LAYOUTS", PathBuf::from("layouts"))?,
            worker: WorkerSettings::from_vars(&vars)?,
            trusted_proxies: vars.list("KIISRV_TRUSTED_PROXIES")?,
            hold: vars.seconds("KIISRV_HOLD_SECONDS", 600)?,
            max_connections: vars.positive("KIISRV_MAX_CONNECTIONS", 2048)?,
            operator: OperatorToken::from_vars(&vars)?,
            admission: AdmissionSettings::from_vars(&vars)?,
            stop_grace: vars.seconds("KIISRV_STOP_SECONDS", 8)?,
            log_filter: vars.or("KIISRV_LOG", "info".to_owned())?,
            log_format: vars.or("KIISRV_LOG_FORMAT", telemetry::Format::Text)?,
            disk_reserve: vars.bytes("KIISRV_DISK_RESERVE_MB", 512, MIB)?,
            keep: KeepSettings::from_vars(&vars)?,
            privacy: PrivacySettings::from_vars(&vars)?,
            metrics: vars.or("KIISRV_METRICS", MetricsFor::Everybody)?,
        })
    }
}

/// What keeps a build's output within its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputBound {
    /// A look several times a second; what is written in between is on the disk for a moment.
    Watched,
    /// That look, and the build's own memory: the directory of outputs is in memory, else nothing is built.
    Tmpfs,
}

impl FromStr for OutputBound {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "watched" => Ok(Self::Watched),
            "tmpfs" => Ok(Self::Tmpfs),
            _ => Err("it must be watched or tmpfs"),
        }
    }
}

impl KeepSettings {
    fn from_vars<L: Fn(&str) -> Option<String>>(vars: &Vars<L>) -> anyhow::Result<Self> {
        let logs = vars.days("KIISRV_KEEP_LOGS_DAYS", 30)?;
        let rows = vars.days("KIISRV_KEEP_ROWS_DAYS", 365)?;
        Ok(Self {
            firmware: vars.days("KIISRV_KEEP_FIRMWARE_DAYS", 30)?,
            failed: vars.days("KIISRV_KEEP_FAILED_DAYS", 7)?,
            logs,
            layouts: vars
                .days_or_none("KIISRV_KEEP_LAYOUTS_DAYS", logs)?
                .min(logs),
            rows,
            requests: vars.days_or_none("KIISRV_KEEP_REQUESTS_DAYS", rows)?,
            bytes: match (vars.0)("KIISRV_KEEP_FIRMWARE_GB") {
                Some(_) => Some(vars.limit("KIISRV_KEEP_FIRMWARE_GB", 1, GIB)?),
                None => None,
            },
        })
    }
}

impl AdmissionSettings {
    fn from_vars<L: Fn(&str) -> Option<String>>(vars: &Vars<L>) -> anyhow::Result<Self> {
        Ok(Self {
            connections: vars.positive("KIISRV_MAX_CONNECTIONS_PER_CLIENT", 256)?,
            waiters: vars.positive("KIISRV_MAX_WAITERS_PER_CLIENT", 128)?,
            waiting: vars.positive("KIISRV_MAX_WAITING_PER_CLIENT", 100)?,
            waiting_in_all: vars.positive("KIISRV_MAX_WAITING", 10_000)?,
        })
    }
}

impl WorkerSettings {
    fn from_vars<L: Fn(&str) -> Option<String>>(vars: &Vars<L>) -> anyhow::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let cpus: f64 = vars.or("KIISRV_BUILD_CPUS", 2.0)?;
        if !(cpus.is_finite() && cpus > 0.0) {
            return Err(anyhow!(
                "KIISRV_BUILD_CPUS is not valid: it must be more than 0"
            ));
        }
        let slots = vars.positive("KIISRV_SLOTS", (processors / 2).max(1))?;
        Ok(Self {
            slots,
            prepared: vars.or("KIISRV_PREPARED", slots)?,
            tmp_config: vars.or("KIISRV_TMP_CONFIG", PathBuf::from("tmp_config"))?,
            tmp_builds: vars.or("KIISRV_TMP_BUILDS", PathBuf::from("tmp_builds"))?,
            host_tmp_config: vars.host_path("HOST_TMP_CONFIG")?,
            host_tmp_builds: vars.host_path("HOST_TMP_BUILDS")?,
            docker_host: vars.or("DOCKER_HOST", "unix:///var/run/docker.sock".to_owned())?,
            build_time: vars.seconds("KIISRV_BUILD_SECONDS", 300)?,
            build_memory: vars.limit("KIISRV_BUILD_MEMORY_MB", 512, MIB)?,
            // More than the machine has is refused by the engine.
            build_cpus: cpus.min(processors as f64),
            build_pids: vars.positive("KIISRV_BUILD_PIDS", 256)?,
            build_scratch: vars.limit("KIISRV_BUILD_SCRATCH_MB", 128, MIB)?,
            build_output: vars.limit("KIISRV_BUILD_OUTPUT_MB", 64, MIB)?,
            build_files: vars.positive("KIISRV_BUILD_FILES", 1024)?,
            output_bound: vars.or("KIISRV_BUILD_OUTPUT_BOUND", OutputBound::Watched)?,
            log_cap: vars.limit("KIISRV_LOG_KB", 4096, KIB)?,
            compare_percent: vars.percent("KIISRV_COMPARE_PERCENT", 2)?,
            accept_missing: vars.list("KIISRV_ACCEPT_MISSING")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> anyhow::Result<Settings> {
        Settings::from_lookup(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_set_is_what_cargo_run_needs() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.listen.to_string(), "0.0.0.0:3001");
        assert_eq!(settings.artifacts, PathBuf::from("data/artifacts"));
        assert_eq!(settings.worker.tmp_config, PathBuf::from("tmp_config"));
    }

    #[test]
    fn a_wrong_value_is_reported_with_its_variable() {
        for (name, value) in [
            ("KIISRV_PORT", "80a"),
            ("KIISRV_SLOTS", "0"),
            ("HOST_TMP_CONFIG", "relative"),
            ("KIISRV_TRUSTED_PROXIES", "10.0.0.1,x"),
            ("KIISRV_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("KIISRV_MAX_WAITING_PER_CLIENT", "0"),
            ("KIISRV_BUILD_CPUS", "NaN"),
            ("KIISRV_BUILD_PIDS", "0"),
            ("KIISRV_BUILD_FILES", "0"),
            ("KIISRV_COMPARE_PERCENT", "101"),
            ("KIISRV_BUILD_OUTPUT_BOUND", "quota"),
            ("KIISRV_BUILD_MEMORY_MB", "0"),
            ("KIISRV_BUILD_SCRATCH_MB", "99999999999999999"),
            ("KIISRV_KEEP_LOGS_DAYS", "0"),
            ("KIISRV_KEEP_FIRMWARE_GB", "0"),
            ("KIISRV_METRICS", "yes"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{name} is not valid")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_network_is_an_address_or_a_range_of_them() {
        let settings = read(&[(
            "KIISRV_TRUSTED_PROXIES",
            "10.1.2.3, 172.16.0.0/12,2001:db8::/32",
        )]);
        let trusted = settings.unwrap().trusted_proxies;
        for (address, is_one) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.1.2.4", false),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("2001:db8:1::1", true),
            ("2001:db9::", false),
        ] {
            let address = address.parse().unwrap();
            let found = trusted.iter().any(|network| network.contains(address));
            assert_eq!(found, is_one, "{address}");
        }
    }
}
