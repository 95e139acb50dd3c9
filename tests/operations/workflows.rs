//! The workflows: their permissions, and the report about the catalogue.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use anyhow::{Context as _, Result};
use gateway_tests::project;
use serde_yaml_ng::Value;
use tokio::process::Command;

fn workflow(file: &Path) -> Result<Value> {
    Ok(serde_yaml_ng::from_str(&fs::read_to_string(file)?)?)
}

fn workflows() -> Result<Vec<(String, Value)>> {
    let files = fs::read_dir(project().join(".github/workflows"))?;
    let read = files.map(|file| {
        let path = file?.path();
        Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), workflow(&path)?))
    });
    read.collect()
}

/// Each job's name and its definition.
fn jobs(workflow: &Value) -> Vec<(String, &Value)> {
    let jobs = workflow["jobs"].as_mapping().into_iter().flatten();
    jobs.map(|(name, job)| (name.as_str().unwrap_or_default().to_owned(), job)).collect()
}

/// The permissions of a job, if it has its own.
fn rights(job: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rights = job["permissions"].as_mapping().into_iter().flatten();
    rights.map(|(name, right)| (text(name), text(right))).collect()
}

#[test]
fn every_workflow_reads_the_repository_and_one_job_that_builds_nothing_writes_issues() -> Result<()> {
    let mut own = Vec::new();
    for (file, workflow) in workflows()? {
        assert_eq!(rights(&workflow), [("contents".to_owned(), "read".to_owned())], "{file}");
        for (name, job) in jobs(&workflow).into_iter().filter(|(_, job)| !job["permissions"].is_null()) {
            let steps = job["steps"].as_sequence().context("no steps")?;
            own.push((file.clone(), name, rights(job), steps.iter().any(|step| !step["uses"].is_null())));
        }
    }
    let writes = vec![("issues".to_owned(), "write".to_owned())];
    assert_eq!(own, [("catalog.yml".to_owned(), "report".to_owned(), writes, false)]);
    Ok(())
}

#[test]
fn no_script_of_a_workflow_is_made_of_values() -> Result<()> {
    for (file, workflow) in workflows()? {
        for (name, job) in jobs(&workflow) {
            for script in job["steps"].as_sequence().into_iter().flatten().filter_map(|step| step["run"].as_str()) {
                assert!(!script.contains("${{"), "{file}: {name}: {script}");
            }
        }
    }
    Ok(())
}

/// The lists of Python packages that make installs.
const LISTS: [&str; 5] = [
    "tests/requirements.txt",
    "tests/clients/requirements.txt",
    "tests/clients/aider.txt",
    "tests/bench/peers/tensorzero.txt",
    "tests/bench/peers/litellm.txt",
];

#[test]
fn every_tool_that_make_installs_has_a_version() -> Result<()> {
    let file = fs::read_to_string(project().join("Makefile"))?;
    let installs = file.lines().filter(|line| line.contains("pip install") || line.contains("cargo install"));
    for line in installs {
        let is_listed = LISTS.iter().any(|list| line.contains(&format!("--requirement {list}")));
        let packages = line.split("$(call pinned,").nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_default();
        let are_pinned = !packages.is_empty() && packages.split(' ').all(|package| package.contains("=="));
        assert!(is_listed || are_pinned || line.contains("--version $(CARGO_"), "{line}");
    }
    for list in LISTS {
        let listed = fs::read_to_string(project().join(list))?;
        let mut packages = listed.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert!(packages.all(|package| package.contains("==")), "{list}");
    }
    for list in ["tests/clients/package.json", "tests/clients/agents/package.json", "tests/bench/peers/package.json"] {
        let listed: serde_json::Value = serde_json::from_str(&fs::read_to_string(project().join(list))?)?;
        let packages = listed["dependencies"].as_object().context("no packages")?;
        let is_pinned = |version: &serde_json::Value| {
            version.as_str().is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
        };
        assert!(packages.values().all(is_pinned), "{list}");
    }
    let toolchain = fs::read_to_string(project().join("rust-toolchain.toml"))?;
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).context("no channel")?;
    assert_eq!(channel.trim_matches('"').split('.').count(), 3, "{channel}");
    Ok(())
}

/// Runs the script of a step of the catalogue's workflow in a folder, with this command in the path.
async fn run(folder: &Path, place: [&str; 2], command: [&str; 2], variables: &[(&str, &str)]) -> Result<Output> {
    let workflow = workflow(&project().join(".github/workflows/catalog.yml"))?;
    let steps = workflow["jobs"][place[0]]["steps"].as_sequence().context("no steps")?;
    let step = steps.iter().find(|step| step["name"].as_str() == Some(place[1])).context("no such step")?;
    let [name, script] = command;
    let file = folder.join(name);
    fs::create_dir_all(file.parent().context("no folder")?)?;
    fs::write(&file, format!("#!/bin/sh\n{script}\n"))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
    let mut bash = Command::new("bash");
    bash.args(["-e", "-c", step["run"].as_str().context("no script")?]).current_dir(folder);
    Ok(bash.env("PATH", path).env("GITHUB_OUTPUT", folder.join("output")).envs(variables.iter().copied()).output().await?)
}

fn folder(name: &str) -> Result<std::path::PathBuf> {
    let folder = std::env::temp_dir().join(format!("gateway-workflow-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[tokio::test]
async fn the_report_updates_an_open_issue_of_its_title_and_opens_one_otherwise() -> Result<()> {
    let variables = [("TITLE", "A title"), ("TABLE", "gpt-5.2  input  1.75  2  yes\n~~~ `x` @y")];
    for (number, called) in
        [("7", "issue edit 7 --body-file body.md"), ("", "issue create --title A title --body-file body.md")]
    {
        let folder = folder(&format!("report{number}"))?;
        let gh = format!("if [ \"$2\" = list ]; then echo '{number}'; else echo \"$*\" > called; fi");
        let output = run(&folder, ["report", "Open the issue, or update it"], ["gh", &gh], &variables).await?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read_to_string(folder.join("called"))?.trim(), called);
        let body = fs::read_to_string(folder.join("body.md"))?;
        assert!(body.ends_with("\n~~~text\ngpt-5.2  input  1.75  2  yes\n--- `x` @y\n~~~\n"), "{body}");
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_comparison_that_fails_fails_its_job_and_one_with_differences_is_reported() -> Result<()> {
    let step = ["check", "Compare the catalogue with OpenRouter's list"];
    for (name, bk, code, status) in [
        ("same", "exit 0", 0, "status=0"),
        ("rows", "echo 'gpt-5.2  input'; exit 1", 0, "status=1"),
        ("fault", "exit 1", 1, ""),
        ("usage", "exit 2", 2, ""),
    ] {
        let folder = folder(name)?;
        let output = run(&folder, step, ["target/debug/bk", bk], &[]).await?;
        assert_eq!(output.status.code(), Some(code), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let written = fs::read_to_string(folder.join("output")).unwrap_or_default();
        assert_eq!(written.lines().next().unwrap_or_default(), status, "{name}");
        assert_eq!(written.contains("\ngpt-5.2  input\n"), name == "rows");
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}
