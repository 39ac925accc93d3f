//! The scanner on the corners of Rust's lexical grammar where naive scanners go wrong.
#![forbid(unsafe_code)]

use tidy::scan::{
    attributes, body_of, close_of, find_words, functions, in_loop, line_of, mask, test_ranges,
};

#[test]
fn literals_and_comments_are_blanked_and_lengths_kept() {
    let cases = [
        ("let a = \"}\";", "let a = \" \";"),
        (r#"let a = "\"}";"#, r#"let a = "   ";"#),
        ("let a = '}';", "let a = ' ';"),
        (r"let a = '\'';", r"let a = '  ';"),
        (r"let a = '\u{7d}';", r"let a = '      ';"),
        ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ("let r#type = 1;", "let r#type = 1;"),
        ("a // }\nb", "a     \nb"),
        ("a /* } /* } */ } */ b", "a                   b"),
        ("let a = r\"\\\";", "let a = r\" \";"),
        ("let a = br#\"}\"}\"#;", "let a = br#\"   \"#;"),
        ("let a = \"// no\"; b", "let a = \"     \"; b"),
        ("let a = b'{';", "let a = b' ';"),
        ("for x in y { 'a: loop {} }", "for x in y { 'a: loop {} }"),
    ];
    for (text, expected) in cases {
        assert_eq!(mask(text), expected, "{text}");
    }
}

#[test]
fn characters_of_several_bytes_do_not_confuse_it() {
    for text in ["let a = 'é'; {", "let a = '→'; {", "let a = '😀'; {", "// ü →\n{", "\"ü\" {"]
    {
        let masked = mask(text);
        assert_eq!(masked.len(), text.len(), "{text}");
        assert!(masked.ends_with('{') && !masked.contains(['é', '→', 'ü']), "{masked}");
    }
}

#[test]
fn functions_are_measured_from_keyword_to_brace() {
    let text = "trait T {\n    fn none(&self);\n}\nfn f(\n    a: [u8; 2],\n) -> u8\nwhere\n    \
                u8: Copy,\n{\n    let s = \"}\";\n    a[0]\n}\ntype P = fn(u8) -> u8;\n";
    let found = functions(&mask(text));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_str(), found[0].line, found[0].lines), ("f", 4, 9));
}

#[test]
fn words_end_where_words_end() {
    assert_eq!(find_words("HashMap MyHashMap HashMaps", "HashMap"), [0]);
    assert_eq!(find_words("rand::x rand_pcg::y brand::z", "rand::"), [0]);
}

#[test]
fn attributes_are_found_whole() {
    let code = "#![forbid(unsafe_code)]\n#[derive(Debug, Clone)]\nstruct S;\n";
    let found = attributes(code);
    assert_eq!(found[0], (0, true, "[forbid(unsafe_code)]"));
    assert_eq!(found[1], (24, false, "[derive(Debug, Clone)]"));
}

#[test]
fn test_items_are_delimited() {
    let code = "fn a() {}\n#[cfg(test)]\n#[rustfmt::skip]\nmod tests { fn b() {} }\nfn c() {}\n";
    let ranges = test_ranges(code);
    assert_eq!(ranges.len(), 1);
    let text = &code[ranges[0].clone()];
    assert!(text.starts_with("#[cfg(test)]") && text.ends_with("fn b() {} }"), "{text}");
    let declared = test_ranges("#[cfg(test)]\nmod far;\nfn c() {}\n");
    assert_eq!((declared.len(), declared[0].start, declared[0].end), (1, 0, 21));
    assert!(test_ranges("#[cfg(not(test))]\nmod far;\n").is_empty());
}

#[test]
fn loops_are_told_from_other_blocks() {
    let at = |code: &str| in_loop(code, code.find('X').expect("the sample has its mark"));
    assert!(at("fn f() { loop { if a { X } } }"));
    assert!(at("fn f() { 'outer: while a { X } }"));
    assert!(at("fn f() { let a = loop { X }; }"));
    assert!(at("fn f() { for a in b { X } }"));
    assert!(!at("impl A for B { fn f() { X } }"));
    assert!(!at("fn f() { loop { a } X }"));
}

#[test]
fn brackets_and_lines_are_counted() {
    let code = "fn f(a: [u8; 3]) {\n  g();\n}\nrest";
    let open = body_of(code, 0).expect("the sample has a body");
    assert_eq!(&code[open..close_of(code, open)], "{\n  g();\n}");
    assert_eq!(line_of(code, code.len()), 4);
}
