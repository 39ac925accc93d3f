//! Tables without frames, as wide as the terminal allows.

use comfy_table::{ContentArrangement, Table, presets};

/// Renders titles and rows; says so when there are none.
pub(crate) fn render(titles: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(titles.iter().map(|title| title.to_uppercase()));
    let mut count = 0;
    for row in rows {
        count += 1;
        table.add_row(row.into_iter().map(|cell| escape(&cell)));
    }
    if count == 0 {
        return "nothing to show\n".to_owned();
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

/// What others wrote must not move the cursor.
pub(crate) fn escape(text: &str) -> String {
    let escaped = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let table = render(&["name"], [vec!["a\u{1b}[2Jb".to_owned()]].into_iter());
        assert!(!table.contains('\u{1b}'), "{table:?}");
        assert!(table.contains("a\\u{1b}[2Jb"));
    }

    #[test]
    fn no_rows_are_said_to_be_none() {
        assert_eq!(render(&["name"], std::iter::empty()), "nothing to show\n");
    }
}
