use proptest::prelude::*;

use super::*;

/// A layout like that of a request: names inside `tools[].schema` and `own` are chosen by the client.
const OWN: &[Pattern] = &[&["tools", "*", "schema"], &["own"]];

fn document(text: &str) -> Document {
    Document::parse(text.to_owned(), OWN).unwrap()
}

/// Message, parameter and code of a refusal.
fn refusal(text: &str) -> (String, Option<String>, Option<&'static str>) {
    let error = Document::parse(text.to_owned(), OWN).unwrap_err();
    (error.message().to_owned(), error.param().map(str::to_owned), error.code())
}

#[test]
fn only_json_is_taken() {
    for text in [
        "",
        "{",
        "{}x",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":+1}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":[1 2]}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"open}",
        "{\"a\":1 \"b\":2}",
        "{'a':1}",
        "{\"a\":1]",
        "{} {}",
        "\u{feff}{}",
    ] {
        assert_eq!(refusal(text).2, Some("invalid_json"), "{text}");
    }
    for text in ["{}", " { } ", "{\"a\":[-0.5e+10,true,false,null,{}]}", "{\"\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9 é\"}"] {
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        document(text);
    }
}

#[test]
fn what_is_not_an_object_and_what_breaks_off_is_told_in_words() {
    assert_eq!(refusal("[]"), ("The body must be a JSON object.".to_owned(), None, None));
    let message = "The body is not valid JSON: line 2 column 5.".to_owned();
    assert_eq!(refusal("{\n\"a\":?"), (message, None, Some("invalid_json")));
}

#[test]
fn limits_name_the_place_and_spare_the_clients_own_names() {
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    document(&nested(63));
    assert_eq!(refusal(&nested(64)).0, "The body nests deeper than 64 levels.");
    assert_eq!(refusal(&nested(100_000)).0, "The body nests deeper than 64 levels.");
    assert!(Document::parse_sent(nested(127)).is_ok());
    let sent = Document::parse_sent(nested(128)).map(drop).unwrap_err();
    assert_eq!(sent.message(), "The body nests deeper than 128 levels.");
    let fields = |count: usize| (0..count).map(|n| format!("\"f{n}\":1")).collect::<Vec<_>>().join(",");
    document(&format!("{{{}}}", fields(1_000)));
    let (message, param, _) = refusal(&format!("{{\"a\":[0,{{{}}}]}}", fields(1_001)));
    assert_eq!((message.as_str(), param.as_deref()), ("a[1]: at most 1000 fields are accepted.", Some("a[1]")));
    document(&format!("{{\"own\":{{{}}}}}", fields(5_000)));
    document(&format!("{{\"tools\":[{{\"schema\":{{\"properties\":{{{}}}}}}}]}}", fields(5_000)));
    let list = |count: usize| format!("{{\"a\":{{\"b\":[{}0]}}}}", "0,".repeat(count - 1));
    document(&list(4_000));
    assert_eq!(refusal(&list(4_001)).0, "a.b: at most 4000 entries are accepted.");
}

#[test]
fn a_field_that_comes_twice_is_named_however_it_is_spelled() {
    for (text, param) in [
        (r#"{"a":1,"a":2}"#, "a"),
        (r#"{"a":1,"\u0061":2}"#, "a"),
        (r#"{"x":[{},{"b":{"a":1,"c":2,"a":3}}]}"#, "x[1].b.a"),
        (r#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"c":1}"#, "c"),
        (r#"{"tools":[{"schema":{},"schema":{}}]}"#, "tools[0].schema"),
    ] {
        assert_eq!(
            refusal(text),
            (format!("{param}: this field occurs twice."), Some(param.to_owned()), Some("duplicate_field"))
        );
    }
    document(r#"{"own":{"a":1,"a":2},"tools":[{"schema":{"b":{"a":1,"a":2}}}],"a":{"a":1}}"#);
}

#[test]
fn values_are_asked_by_their_decoded_names() {
    let text = r#" {"m\u006fdel" : "x\ud83d\ude00\n", "list":[1, {"a":null,"b":-2.5}, "s"], "n":1024.0, "t":true} "#;
    let document = document(text);
    let root = document.root();
    assert_eq!(root.get("model").unwrap().text().unwrap(), "x\u{1f600}\n");
    assert_eq!(root.get("n").unwrap().whole_number().unwrap(), 1_024);
    assert!(root.get("t").unwrap().flag().unwrap());
    let entries: Vec<Kind> = root.get("list").unwrap().list().unwrap().map(Value::kind).collect();
    assert_eq!(entries, [Kind::Number, Kind::Object, Kind::Text]);
    let object = root.get("list").unwrap().elements().nth(1).unwrap();
    let [a, b] = object.fields(["a", "b"]).unwrap();
    assert!(a.is_none());
    assert!((b.unwrap().number().unwrap() + 2.5).abs() < f64::EPSILON);
    assert_eq!(b.unwrap().path(), "list[1].b");
    assert_eq!(root.at(&["list", "x"]).map(Value::kind), None);
}

#[test]
fn wrong_kinds_are_told_in_jsons_own_words() {
    let document = document(r#"{"a":{"b":["secret"]},"n":-1.5}"#);
    let text = document.root().at(&["a", "b"]).unwrap().elements().next().unwrap();
    for (error, message) in [
        (text.whole_number().unwrap_err(), "a.b[0]: expected a whole number, got a string."),
        (text.fields(["x"]).unwrap_err(), "a.b[0]: expected an object, got a string."),
        (document.root().get("a").unwrap().text().unwrap_err(), "a: expected a string, got an object."),
        (document.root().get("a").unwrap().required("c").unwrap_err(), "a.c: this field is required."),
        (document.root().get("n").unwrap().whole_number().unwrap_err(), "n: expected a whole number of 0 or more."),
    ] {
        assert_eq!(error.message(), message);
    }
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character() {
    let document = document(r#"{"a":"\ud83d!","b":"\ude00","c":"\ud83d\ude00","d":"\ud83d\ud83d\ude00"}"#);
    let said = |name: &str| document.root().get(name).unwrap().text().unwrap().into_owned();
    assert_eq!([said("a"), said("b"), said("c"), said("d")], ["\u{fffd}!", "\u{fffd}", "\u{1f600}", "\u{fffd}\u{1f600}"]);
    let sent = document.edited(&Edits::default());
    assert_eq!(sent, br#"{"a":"\ufffd!","b":"\ufffd","c":"\ud83d\ude00","d":"\ufffd\ud83d\ude00"}"#);
}

#[test]
fn long_values_are_stepped_over_and_read_like_short_ones() {
    for length in (1..80).chain([500, 507, 508, 509, 510, 511, 512, 513, 2_000]) {
        let word = format!("\\\"{}", "x".repeat(length));
        let text = format!(r#"{{"a":"{word}","b":[{{"{word}":["{word}"],"n":2}},"{word}"],"{word}":{{}},"z":1}}"#);
        let document = document(&text);
        let root = document.root();
        assert_eq!(root.get("z").unwrap().whole_number().unwrap(), 1, "{length}");
        assert_eq!(root.members().count(), 4, "{length}");
        assert_eq!(root.get("b").unwrap().elements().next().unwrap().get("n").unwrap().whole_number().unwrap(), 2);
        assert_eq!(root.get("b").unwrap().elements().count(), 2, "{length}");
        assert_eq!(root.get("b").unwrap().elements().nth(1).unwrap().text().unwrap().len(), length + 1);
        assert_eq!(document.edited(&Edits::default()), text.as_bytes());
    }
}

#[test]
fn a_field_after_a_long_name_is_removed_alone() {
    let name = "k".repeat(600);
    let document = document(&format!(r#"{{"{name}":1,"models":["a"],"stream":true}}"#));
    let mut edits = Edits::default();
    assert!(edits.remove_field(document.root(), &name));
    edits.set(document.root(), "stream", &false);
    assert_eq!(document.edited(&edits), br#"{"models":["a"],"stream":false}"#);
}

#[test]
fn edits_change_their_places_and_nothing_else() {
    let text = r#"{ "a" : 1 , "b":{ "x": [1, 2 ,3 ], "y": null }, "c":"\u00e9" }"#;
    let document = document(text);
    let root = document.root();
    let edited = |edit: &dyn Fn(&mut Edits)| {
        let mut edits = Edits::default();
        edit(&mut edits);
        String::from_utf8(document.edited(&edits)).unwrap()
    };
    let list = root.at(&["b", "x"]).unwrap();
    assert_eq!(edited(&|_| {}), text);
    assert_eq!(edited(&|e| e.replace(root.get("a").unwrap(), "new")), text.replace(" 1 ", " \"new\" "));
    assert_eq!(edited(&|e| assert!(e.remove_field(root, "a"))), r#"{  "b":{ "x": [1, 2 ,3 ], "y": null }, "c":"\u00e9" }"#);
    assert_eq!(edited(&|e| e.remove(list.elements().nth(1).unwrap())), text.replace("1, 2 ,3", "1 ,3"));
    assert_eq!(edited(&|e| list.elements().for_each(|entry| e.remove(entry))), text.replace("[1, 2 ,3 ]", "[ ]"));
    assert_eq!(edited(&|e| assert!(!e.remove_field(root.get("b").unwrap(), "y"))), text.replace(r#", "y": null"#, ""));
    assert_eq!(edited(&|e| e.set(root, "c", &2)), text.replace(r#""\u00e9""#, "2"));
    assert_eq!(edited(&|e| e.set(root, "d", &true)), text.trim_end_matches(" }").to_owned() + r#","d":true }"#);
}

#[test]
fn a_list_is_arranged_anew_with_the_edits_of_its_entries() {
    let text = r#"{"a":[{"x":1},{"x":2}, {"x":3}],"b":["far"],"c":"text"}"#;
    let document = document(text);
    let (list, far) = (document.root().get("a").unwrap(), document.root().get("b").unwrap().elements().next().unwrap());
    let entries: Vec<Value<'_>> = list.elements().collect();
    let mut edits = Edits::default();
    edits.remove(entries[1]);
    edits.set(entries[2], "x", "new");
    let within = Entry::Within { before: "{\"y\":[".to_owned(), entries: vec![Entry::Own(far)], after: "]}" };
    let own = |value| Entry::Own(value);
    edits.arrange(list, vec![own(entries[2]), own(entries[1]), Entry::New("0".to_owned()), within, own(entries[0])]);
    let content = document.root().get("c").unwrap();
    let wrapped = Entry::Within { before: "{\"t\":".to_owned(), entries: vec![own(content)], after: "}" };
    edits.arrange(content, vec![wrapped]);
    let expected = r#"{"a":[{"x":"new"},0,{"y":["far"]},{"x":1}],"b":["far"],"c":[{"t":"text"}]}"#;
    assert_eq!(String::from_utf8(document.edited(&edits)).unwrap(), expected);
}

#[test]
fn a_field_is_arranged_whether_it_is_there_or_not() {
    let document = document(r#"{"a":[{"x":1}],"b":null}"#);
    let root = document.root();
    let entry = root.get("a").unwrap().elements().next().unwrap();
    let mut edits = Edits::default();
    root.members().filter(|(_, value)| value.is_null()).for_each(|(_, value)| edits.remove(value));
    edits.set(entry, "x", &2);
    edits.arrange_field(root, "b", vec![Entry::Own(entry)]);
    edits.arrange_field(root, "c", vec![Entry::New("0".to_owned()), Entry::Own(entry)]);
    let expected = r#"{"a":[{"x":2}],"b":[{"x":2}],"c":[0,{"x":2}]}"#;
    assert_eq!(String::from_utf8(document.edited(&edits)).unwrap(), expected);
}

#[test]
fn a_text_is_blank_however_its_white_space_is_spelled() {
    let document = document(r#"{"a":["", " \u0020\n", "\u00a0", "\u0061", " x", "x", 0, []]}"#);
    let blank: Vec<bool> = document.root().get("a").unwrap().elements().map(Value::is_blank).collect();
    assert_eq!(blank, [true, true, true, false, false, false, false, false]);
}

#[test]
fn fields_are_appended_to_a_serialised_object() {
    let appended = |object: &str| {
        let mut object = object.as_bytes().to_vec();
        append_members(&mut object, &[("m", "\"x\"".to_owned()), ("s", "true".to_owned())]);
        String::from_utf8(object).unwrap()
    };
    assert_eq!(appended("{}"), r#"{"m":"x","s":true}"#);
    assert_eq!(appended(r#"{"a":1}"#), r#"{"a":1,"m":"x","s":true}"#);
}

#[test]
fn a_document_takes_at_most_twice_the_memory_of_its_body() {
    let deep = format!("{}0{}", "[".repeat(62), "]".repeat(62));
    for entry in [
        "0".to_owned(),
        "[]".to_owned(),
        "{\"a\":[1]}".to_owned(),
        deep,
        format!("\"{}\"", "x".repeat(510)),
        format!("[[[[\"{}\"]]]]", "x".repeat(30)),
    ] {
        let list = vec![entry.as_str(); 3_000].join(",");
        let text = format!("{{\"own\":[{list}]}}");
        let length = text.len();
        let document = document(&text);
        assert!(document.memory() <= 2 * length, "{}: {} for {length}", &entry[..1], document.memory());
    }
}

/// The content of a value, as any JSON parser reads it.
fn read(value: Value<'_>) -> serde_json::Value {
    match value.kind() {
        Kind::Object => value.members().map(|(name, member)| (name.into_owned(), read(member))).collect(),
        Kind::List => value.elements().map(read).collect(),
        Kind::Text => value.text().unwrap().into(),
        Kind::Null | Kind::Flag | Kind::Number => value.meaning().unwrap(),
    }
}

/// Any object, with strings and names whose lengths are around the limit from which the ends of values are stored.
fn any_object() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![".{0,12}", "[a-z\"\\\\]{28,36}", "[a-z\u{e9}]{500,520}"];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        text.clone().prop_map(serde_json::Value::from),
    ];
    let names = text.prop_map(String::from);
    let value = leaf.prop_recursive(6, 64, 6, move |inner| {
        let members = prop::collection::btree_map(names.clone(), inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(serde_json::Value::from),
            members.prop_map(|members| members.into_iter().collect()),
        ]
    });
    prop::collection::btree_map("[a-c]{1,3}|[d-f]{30,40}", value, 0..6).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn a_document_says_what_its_text_says(object in any_object(), is_pretty in any::<bool>()) {
        let write = if is_pretty { serde_json::to_string_pretty } else { serde_json::to_string };
        let text = write(&object).unwrap();
        let document = document(&text);
        prop_assert_eq!(read(document.root()), object);
        prop_assert_eq!(document.edited(&Edits::default()), text.as_bytes());
    }
}

/// Nested brackets have the most values for their size. The index then drops the short ones, at any bracket.
#[test]
fn an_index_that_forgets_at_any_bracket_still_knows_where_every_value_ends() {
    for depth in 1..60 {
        for copies in 1..40 {
            let nest = format!("{}\"{}\"{}", "[".repeat(depth), "x".repeat(depth % 40), "]".repeat(depth));
            let text = format!("{{\"a\":[{}],\"b\":1,\"c\":[[]]}}", vec![nest; copies].join(","));
            let document = Document::parse(text, &[]).unwrap();
            // A wrong end could point backwards and cause an endless loop.
            let names: Vec<String> = document.root().members().take(4).map(|(name, _)| name.into_owned()).collect();
            assert_eq!(names, ["a", "b", "c"], "{depth} {copies}");
            let entries = document.root().get("a").unwrap().elements().take(copies + 1).count();
            assert_eq!(entries, copies, "{depth} {copies}");
        }
    }
}
