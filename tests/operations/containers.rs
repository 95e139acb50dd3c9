//! Runs the functions in the SAM CLI's Lambda containers. Without Docker the test runs nothing and prints a line that says so.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use gateway_tests::{binary, project};
use tokio::process::{Child, Command};

use crate::bk::text;

/// A port that is free at this moment.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

async fn has_docker() -> bool {
    let engine = Command::new("docker").arg("info").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    engine.is_ok_and(|status| status.success())
}

/// Starts the database and the simulated providers of a local gateway. It writes their environment variables into the folder.
async fn support(folder: &Path) -> Result<Child> {
    let mut support = Command::new(binary("gateway-dev")?)
        .args(["--support-only", "--fresh", "--port", "9", "--data"])
        .arg(folder)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    while !folder.join("env").exists() {
        ensure!(support.try_wait()?.is_none(), "gateway-dev has ended");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Ok(support)
}

/// The minor version of glibc in `provided.al2023`.
const AMAZON_LINUX: u32 = 34;

/// The newest minor version of glibc that a binary needs: the highest `GLIBC_2.N` in its bytes.
fn needed_c_library(binary: &[u8]) -> u32 {
    const NAME: &[u8] = b"GLIBC_2.";
    let names = binary.windows(NAME.len() + 2).filter_map(|window| window.strip_prefix(NAME));
    let digits =
        names.map(|rest| String::from_utf8_lossy(rest).chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.filter_map(|digits| digits.parse().ok()).max().unwrap_or_default()
}

#[tokio::test]
async fn every_event_is_answered_by_the_functions_in_sams_containers() -> Result<()> {
    if !has_docker().await {
        println!("skipped: SAM's containers, because no Docker runs here");
        return Ok(());
    }
    let needed = needed_c_library(&std::fs::read(binary("health")?)?);
    if needed > AMAZON_LINUX {
        println!("skipped: SAM's containers, because builds of this machine need version 2.{needed} of the C library");
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("containers-{}", std::process::id()));
    let mut support = support(&folder).await?;
    let output = Command::new(project().join("tools/sam.sh"))
        .args(["invoke", "all"])
        .env("DATA", &folder)
        .env("SAM_LAMBDA_PORT", free_port()?.to_string())
        .env("BINARIES", binary("health")?.parent().context("a folder")?)
        .output()
        .await?;
    support.kill().await?;
    ensure!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    let answers = text(&output.stdout);
    assert!(answers.contains("data: [DONE]"), "{answers}");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
