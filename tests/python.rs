//! Runs the tests that are written in Python: the official SDKs (`tests/sdk`), the description of the API (`tests/openapi`),
//! the deployment tools (`tests/deploy`), and real clients (`tests/clients`).

use anyhow::{Context as _, Result};
use gateway_tests::{Harness, binary, project};
use tokio::process::Command;

/// Runs the tests of a folder. The tests get these variables in addition to the environment.
async fn pytest(folder: &str, variables: &[(&str, &str)]) -> Result<()> {
    let python = project().join(".tools/test/bin/python");
    anyhow::ensure!(python.exists(), "the tests' Python packages are not installed: run `make test-venv` first");
    let output = Command::new(python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .arg(project().join(folder))
        .envs(variables.iter().copied())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .await
        .context("start pytest")?;
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", report.lines().last().unwrap_or_default());
    Ok(())
}

#[tokio::test]
async fn the_official_sdks_work_by_changing_base_url_and_key() -> Result<()> {
    let gateway = Harness::start().await?;
    pytest("tests/sdk", &[("GATEWAY_URL", &gateway.stack.url), ("GATEWAY_KEY", gateway.stack.key())]).await
}

#[tokio::test]
async fn the_description_of_the_api_is_valid_and_true() -> Result<()> {
    let gateway = Harness::start().await?;
    pytest("tests/openapi", &[("GATEWAY_URL", &gateway.stack.url), ("GATEWAY_KEY", gateway.stack.key())]).await
}

#[tokio::test]
async fn the_tools_that_deploy_do_to_an_account_what_they_say() -> Result<()> {
    pytest("tests/deploy", &[]).await
}

#[tokio::test]
async fn claude_code_and_codex_edit_run_and_meet_an_error_with_what_bk_setup_wrote() -> Result<()> {
    if !project().join(".tools/clients/agents/installed").exists() {
        println!("skipped: Claude Code and Codex are not installed (`make test-agents`)");
        return Ok(());
    }
    let gateway = Harness::start().await?;
    let simulator = gateway.stack.support.simulator_origin.as_deref().context("no simulator")?;
    let bk = binary("bk")?;
    let output = Command::new("python3")
        .arg(project().join("tests/clients/run.py"))
        .args(["--only", "claude-code,codex"])
        .env("GATEWAY_URL", &gateway.stack.url)
        .env("GATEWAY_KEY", gateway.stack.key())
        .env("SIMULATOR_URL", simulator)
        .env("GATEWAY_BINARIES", bk.parent().context("no folder of binaries")?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .await
        .context("start the clients")?;
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{report}");
    Ok(())
}
