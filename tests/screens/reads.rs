//! Pictures of logs and of configuration files, and what their keys do.

use hotspare::console::library::{Kind, Library};
use hotspare::engine::command::Query;
use rstest::rstest;

use crate::fixture::{harbour, noon, reads};
use crate::stage::Stage;

/// The pages, opened as a person does: by the key of the action in the palette, for a host that is up.
fn opened(width: u16, height: u16, command: &str) -> Stage {
    let mut stage = Stage::new(harbour(noon())).sized(width, height);
    stage.press(":").press(&format!("text:{command}")).press("enter");
    stage
}

#[rstest]
#[case("logs", "service.logs kv-1", "")]
#[case("logs-away", "service.logs studio-2", "")]
#[case("configs", "config.show studio-1", "")]
#[case("configs-trouble", "config.show studio-2", "")]
fn pages(#[case] name: &str, #[case] command: &str, #[case] keys: &str) {
    for (width, height) in [(80, 24), (120, 36), (200, 50)] {
        let text = opened(width, height, command).press(keys).text();
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), text);
    }
}

#[test]
fn a_log_is_filtered_by_the_engine_and_goes_on_as_before_without() {
    let mut stage = opened(120, 36, "service.logs kv-1");
    assert!(stage.text().contains("took too long"), "{}", stage.text());
    let text = stage.press("/").press("text:ERROR").press("enter").text();
    assert!(text.contains("/ERROR") && text.contains("task 8812") && !text.contains("took too long"), "{text}");
    let asked = stage.client.queries.lock().unwrap().iter().any(
        |query| matches!(query, Query::Logs { ask } if ask.filter == "ERROR" && ask.after.is_none() && ask.of == "kv-1"),
    );
    assert!(asked);
    let text = stage.press("/").press("ctrl-u").press("esc").text();
    assert!(text.contains("/ERROR") && !text.contains("took too long"), "esc leaves it as it was: {text}");
    let text = stage.press("/").press("ctrl-u").press("enter").text();
    assert!(text.contains("took too long"), "{text}");
}

#[test]
fn every_theme_draws_a_log() {
    for (theme, _) in Library::default().list(Kind::Theme) {
        let mut stage = Stage::with(harbour(noon()), &theme, "default", false);
        let text = stage.press(":").press("text:service.logs kv-1").press("enter").text();
        assert!(text.contains("executor kv-3 registered"), "{theme}: {text}");
    }
    assert_eq!(reads::configs(noon()).len(), 1);
}
