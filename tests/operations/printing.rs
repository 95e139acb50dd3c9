//! Where `bk` prints, and what it says if it cannot work.

use std::process::Stdio;

use anyhow::Result;
use gateway_tests::{Harness, binary};
use tokio::process::Command;

use crate::bk::{bk, bk_with, text};

#[tokio::test]
async fn headings_are_on_standard_output_with_the_lines() -> Result<()> {
    let gateway = Harness::start().await?;
    for (arguments, heading) in [(&["keys", "list"][..], "ID "), (&["usage", "development"], " ")] {
        let output = bk(&gateway, arguments).await?;
        let printed = text(&output.stdout);
        let first = printed.lines().next().unwrap_or_default();
        assert!(first.starts_with(heading) && first.contains("USD"), "{printed}");
        assert_eq!(text(&output.stderr), "");
    }
    Ok(())
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_error() -> Result<()> {
    for arguments in [&["setup", "--list"][..], &["setup", "--list", "--json"], &["setup", "openai-python"]] {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut command = Command::new(binary("bk")?);
        let output = command.args(arguments).env_clear().stdout(writer).stderr(Stdio::piped()).output().await?;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    }
    Ok(())
}

#[tokio::test]
async fn without_credentials_it_says_how_to_get_some() -> Result<()> {
    let gateway = Harness::start().await?;
    let output = bk_with(&gateway, &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")], &["keys", "list"]).await?;
    let words = "bk: no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use `tools/deploy/bk`, which takes \
                 those of `aws configure` or of AWS_PROFILE\n";
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(2), words.to_owned()));
    Ok(())
}
