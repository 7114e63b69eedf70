//! Runs `greffier verify`, and `exposure`, as a process of its own and watches what it takes.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gauge::{Failed, cpu};
use crate::write::Written;

/// Between two looks at the process. Peak and CPU time only grow, so a look can only come too
/// early, by this much.
const GLANCE: Duration = Duration::from_millis(5);

/// What one run took.
pub(crate) struct Run {
    /// From start to end of the process.
    pub(crate) seconds: f64,
    /// CPU time, seconds.
    pub(crate) cpu: f64,
    /// Most memory it had in use, bytes.
    pub(crate) peak: u64,
    /// Signatures that it checked.
    pub(crate) signatures: u64,
}

/// Runs the command of these arguments on the ledger; fails unless it is sound and whole.
pub(crate) fn run(ledger: &Written, arguments: &[&str]) -> Result<Run, Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greffier"));
    let key = ledger.key.to_string();
    command.args(arguments).arg(&ledger.path).args(["--json", "--key", &key]);
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let (mut used, mut most) = (Duration::ZERO, 0);
    while child.try_wait()?.is_none() {
        used = cpu(child.id()).unwrap_or(used);
        most = peak(child.id()).unwrap_or(most);
        std::thread::sleep(GLANCE);
    }
    let seconds = began.elapsed().as_secs_f64();
    let said: Value = serde_json::from_slice(&child.wait_with_output()?.stdout)?;
    if said["verdict"] != "sound" || said["entries"] != ledger.entries {
        return Err(format!("the ledger did not verify: {said}").into());
    }
    let signatures = said["signatures"].as_u64().unwrap_or(0);
    Ok(Run { seconds, cpu: used.as_secs_f64(), peak: most, signatures })
}

/// Most memory that a process has had resident, bytes.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
