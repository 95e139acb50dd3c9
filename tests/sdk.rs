//! The official OpenAI and Anthropic SDKs, with only base URL and key changed (`tests/sdk`).

use anyhow::{Context as _, Result};
use gateway_tests::{Harness, project};
use tokio::process::Command;

#[tokio::test]
async fn the_official_sdks_work_by_changing_base_url_and_key() -> Result<()> {
    let python = project().join(".tools/sdk/bin/python");
    anyhow::ensure!(python.exists(), "the SDKs are not installed: run `make sdk-venv` first");
    let gateway = Harness::start().await?;
    let output = Command::new(python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .arg(project().join("tests/sdk"))
        .env("GATEWAY_URL", &gateway.stack.url)
        .env("GATEWAY_KEY", gateway.stack.key())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .await
        .context("start pytest")?;
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", report.lines().last().unwrap_or_default());
    Ok(())
}
