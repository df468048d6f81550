//! Programs that a test starts, watches and ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// A program that is killed when the test lets go of it.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command`; what it prints goes to `log`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let out = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it without warning, as a power cut would.
    pub fn kill(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }

    /// Stops the world for it (SIGSTOP), until it goes on or is killed.
    ///
    /// # Errors
    /// When it is gone.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal("-STOP")
    }

    /// Lets it go on after [`Self::pause`].
    ///
    /// # Errors
    /// When it is gone.
    pub fn go_on(&self) -> anyhow::Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> anyhow::Result<()> {
        must(Command::new("kill").arg(signal).arg(self.pid().to_string())).map(drop)
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// # Errors
    /// When it has not ended after ten seconds; then it is killed.
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        self.signal("-TERM")?;
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if !self.runs() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill();
        bail!("{} did not end on SIGTERM:\n{}", self.name, self.printed())
    }

    /// CPU time used so far, user and system, in clock ticks (1/100 s).
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu_ticks(&self) -> anyhow::Result<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        let after_name = stat.rsplit_once(") ").context("stat has a name")?.1;
        let field = |n: usize| after_name.split(' ').nth(n).and_then(|f| f.parse::<u64>().ok()).context("a number");
        Ok(field(11)? + field(12)?)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let printed = self.printed();
            let tail: Vec<&str> = printed.lines().rev().take(30).collect();
            eprintln!("---- {} printed last:", self.name);
            for line in tail.into_iter().rev() {
                eprintln!("{line}");
            }
        }
    }
}

/// Runs a command to its end, but not longer than `limit`.
///
/// # Errors
/// When it cannot be started or does not end in time.
pub fn run(command: &mut Command, limit: Duration) -> anyhow::Result<Output> {
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {shown}"))?;
    // The pipes are drained by threads, so that a talkative program does not block on a full one.
    let mut drain = [child.stdout.take().map(reader), child.stderr.take().map(reader)];
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > end {
            let _gone = child.kill();
            let _status = child.wait();
            bail!("{shown} did not end within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let [stdout, stderr] = drain.each_mut().map(|d| d.take().and_then(|d| d.join().ok()).unwrap_or_default());
    Ok(Output { status, stdout, stderr })
}

/// Runs a command that must succeed, and gives what it printed to standard output and error.
///
/// # Errors
/// When it fails; the error says what it printed.
pub fn must(command: &mut Command) -> anyhow::Result<String> {
    let shown = format!("{command:?}");
    let output = run(command, Duration::from_secs(60))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("{shown} ended with {}:\n{text}", output.status);
    }
    Ok(text)
}

/// Waits until `ready` says yes.
///
/// # Errors
/// When it has not after `limit`.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, limit: Duration, mut ready: F) -> anyhow::Result<()> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if ready().await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    bail!("{what}: not within {limit:?}")
}

/// A TCP port on loopback that was free a moment ago, that this process gives out once, and that is below those
/// which the system gives to outgoing connections.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let step = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + std::process::id().wrapping_mul(101).wrapping_add(step) % COUNT)?;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no port between {FIRST} and {} is free", FIRST + COUNT)
}

/// One of our own programs: in the folder that `YINXIN_PROGRAMS` names, else as built beside this test
/// (`make test` builds them first).
///
/// # Errors
/// When it has not been built.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let folder = match std::env::var_os("YINXIN_PROGRAMS") {
        Some(folder) => PathBuf::from(folder),
        // target/debug/deps/journeys-…
        None => std::env::current_exe()?.parent().and_then(Path::parent).context("a target folder")?.to_owned(),
    };
    let file = folder.join(name);
    anyhow::ensure!(file.exists(), "{} is not built: cargo build --workspace --all-targets", file.display());
    Ok(file)
}

fn reader<R: std::io::Read + Send + 'static>(mut pipe: R) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _complete = pipe.read_to_end(&mut bytes);
        bytes
    })
}
