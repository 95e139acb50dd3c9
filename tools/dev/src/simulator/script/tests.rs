//! Which marker is used, and what it says.

use super::*;

fn parse(text: &str) -> Result<Script, String> {
    Script::of(text, "", Wire::Claude, &Turns::default())
}

#[test]
fn text_without_a_marker_is_an_echo() {
    assert_eq!(
        parse("hello [[not a marker]]"),
        Ok(Script {
            scenario: Scenario::Echo,
            label: None,
            pace: None,
            cached: 0,
            sources: 0,
            failure: None,
            session: None
        })
    );
}

#[test]
fn marker_gives_scenario_label_and_pace() {
    let script = parse("before [[sim:error status=529 retry-after=7 label=a-1 pace=20]] after").unwrap();
    assert_eq!(script.scenario, Scenario::Error { status: 529, retry_after: Some(7) });
    assert_eq!(script.label.as_deref(), Some("a-1"));
    assert_eq!(script.pace, Some(Duration::from_millis(20)));
}

#[test]
fn only_a_strict_script_stays_in_force_without_its_marker() {
    let scenario = |text: &str, marked: &str| {
        let script = Script::of(text, marked, Wire::Claude, &Turns::default());
        script.unwrap().scenario
    };
    let strict = Scenario::Strict { steps: 2, parallel: 3 };
    assert_eq!(scenario("and now?", "[[sim:strict steps=2 parallel=3]]"), strict);
    assert_eq!(scenario("and now?", "[[sim:error times=1]] [[sim:strict steps=2 parallel=3]]"), strict);
    assert_eq!(scenario("and now?", "[[sim:strict on=gemini]]"), Scenario::Echo);
    assert_eq!(scenario("[[sim:echo]]", "[[sim:strict]]"), Scenario::Echo);
    assert_eq!(scenario("and now?", "[[sim:tool]]"), Scenario::Echo);
    assert_eq!(parse("").unwrap().cached, 0);
    assert_eq!(parse("[[sim:long words=2 cached=7]]").unwrap().cached, 7);
}

#[test]
fn first_marker_that_still_applies_decides() {
    let text = "[[sim:cut on=gemini]] [[sim:empty times=2 label=x on=claude]] [[sim:html times=1 label=y]] hello";
    let turns = Turns::default();
    let names = |wire: Wire| {
        [0; 4].map(|_| {
            let script = Script::of(text, "", wire, &turns).unwrap();
            assert_eq!(script.label.as_deref(), Some("x"));
            script.scenario.name()
        })
    };
    assert_eq!(names(Wire::Claude), ["empty", "empty", "html", "echo"]);
    assert_eq!(names(Wire::OpenRouter), ["html", "echo", "echo", "echo"]);
    assert_eq!(names(Wire::Gemini), ["cut", "cut", "cut", "cut"]);
}

#[test]
fn flaky_script_knows_its_fate() {
    let fate = |percent: u64| parse(&format!("[[sim:flaky percent={percent} seed=1]]")).unwrap().failure;
    assert_eq!((fate(0), fate(100)), (None, Some(500)));
}

#[test]
fn wrong_settings_are_refused_even_where_the_marker_does_not_decide() {
    for marker in [
        "[[sim:cut after=x]]",
        "[[sim:echo after=1]]",
        "[[sim:error status=200]]",
        "[[sim:echo label]]",
        "[[sim:echo session=x]]",
        "[[sim:echo on=vertex]]",
        "[[sim:echo times=often]]",
        "[[sim:echo]] [[sim:cut after=x]]",
    ] {
        assert!(parse(marker).is_err(), "{marker}");
    }
}
