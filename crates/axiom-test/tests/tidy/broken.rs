//! Breaks each rule once, in a tree that is made up, so that a rule which finds nothing any more is noticed.

use super::arrows::{Arrow, Graph, forbidden, forbidden_guests};
use super::offence::Offence;
use super::tree::Tree;
use super::{glossary, lints, names, prose, source};

const GLOSSARY: &str = "docs/glossary.md";

/// What the rule finds in these files, as a person reads it.
fn found(rule: fn(&Tree) -> Vec<Offence>, files: &[(&str, &str)]) -> Vec<String> {
    rule(&Tree::made_of(files)).iter().map(Offence::to_string).collect()
}

fn arrow(from: &str, to: &str, ours: bool) -> Arrow {
    Arrow { from: from.to_owned(), to: to.to_owned(), ours, test: false }
}

fn graph(arrows: Vec<Arrow>) -> Graph {
    Graph { crates: vec!["axiom-worker".to_owned()], arrows }
}

#[test]
fn an_arrow_against_the_direction_is_named() {
    let lines = forbidden(&graph(vec![arrow("axiom-holder", "axiom-proto", true)]));
    assert_eq!(lines, ["axiom-holder uses axiom-proto; it may use nothing of ours"]);
}

#[test]
fn nothing_that_ships_may_use_the_tests() {
    let lines = forbidden(&graph(vec![arrow("axiom", "axiom-test", true)]));
    assert_eq!(
        lines,
        ["axiom uses axiom-test; it may use all of ours but axiom-test, xtask, axiom-fuzz"]
    );
}

#[test]
fn the_worker_may_speak_the_holders_words() {
    let lines = forbidden(&graph(vec![arrow("axiom-worker", "axiom-holder", true)]));
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn a_crate_that_nobody_planned_is_named() {
    let lines = forbidden(&Graph { crates: vec!["axiom-extra".to_owned()], arrows: Vec::new() });
    assert!(lines[0].starts_with("axiom-extra is not in the table of crates"), "{lines:?}");
}

#[test]
fn a_runtime_in_a_pure_crate_is_named() {
    let lines = forbidden_guests(&graph(vec![arrow("axiom-hub", "tokio", false)]));
    assert_eq!(lines, ["axiom-hub is pure and uses tokio; its guests may be: bytes, thiserror"]);
}

#[test]
fn a_pure_crates_tests_may_use_properties_and_its_code_may_not() {
    let in_code = arrow("axiom-hub", "proptest", false);
    let in_tests = Arrow { test: true, ..in_code.clone() };
    assert_eq!(forbidden_guests(&graph(vec![in_tests])), Vec::<String>::new());
    assert_eq!(forbidden_guests(&graph(vec![in_code])).len(), 1);
}

#[test]
fn a_file_of_601_lines_is_too_long() {
    let text = "a\n".repeat(601);
    let lines = found(source::long_files, &[("crates/axiom/src/a.rs", &text), ("a.md", &text)]);
    assert_eq!(lines, ["crates/axiom/src/a.rs: 601 lines, 600 is the most; split it by noun"]);
}

#[test]
fn an_exception_may_only_shrink() {
    let text = "a\n".repeat(700);
    let tree = Tree::made_of(&[("a.rs", &text)]);
    let said =
        |max| source::long_files_but(&tree, &[("a.rs", max)]).first().map(Offence::to_string);
    assert_eq!(said(700), None);
    assert_eq!(said(690).unwrap(), "a.rs: 700 lines; it was already too long at 690");
    assert_eq!(said(710).unwrap(), "a.rs: only 700 lines now; tighten its exception of 710");
}

#[test]
fn a_file_must_say_its_duty_in_its_first_line() {
    let lines = found(source::files_without_duty, &[("a.rs", "use b;\n"), ("b.rs", "//! Duty.\n")]);
    assert_eq!(lines, ["a.rs:1: open with `//! ` and say what the file is for"]);
}

#[test]
fn a_sleep_in_a_test_is_found_and_a_sleep_in_a_text_is_not() {
    let text = "// sleep(1)\nlet child = \"sleep(60)\";\nstd::thread::sleep(second);\n";
    let files = [("crates/axiom/tests/a.rs", text), ("crates/axiom/src/b.rs", text)];
    let said = "crates/axiom/tests/a.rs:3: a test sleeps; wait for the event, with a deadline";
    assert_eq!(found(source::sleeps_in_tests, &files), [said]);
}

#[test]
fn ignored_tests_and_open_ends_are_found() {
    let text =
        "#[ignore]\nfn a() { todo!() }\n#[cfg_attr(miri, ignore)]\nfn b() { unimplemented!() }\n";
    assert_eq!(found(source::unfinished, &[("a.rs", text)]).len(), 4);
    let harmless = "//! Fine.\nfn ignore() { let todo = \"todo!\"; }\n";
    assert_eq!(found(source::unfinished, &[("a.rs", harmless)]), Vec::<String>::new());
}

#[test]
fn unsafe_is_found_where_it_may_not_be() {
    let text = "fn a() {}\nunsafe { b() }\n";
    let files =
        [("crates/axiom-server/src/a.rs", text), ("crates/axiom-worker/src/system.rs", text)];
    let said = "crates/axiom-server/src/a.rs:2: `unsafe` outside the files at the system call edge";
    assert_eq!(found(source::stray_unsafe, &files), [said]);
    let loud = "#![deny(unsafe_code)]\n// unsafe\n";
    let files = [("crates/axiom-server/src/a.rs", loud)];
    assert_eq!(found(source::stray_unsafe, &files), Vec::<String>::new());
}

#[test]
fn drawers_are_found_as_folder_file_module_and_crate() {
    let files = [
        ("crates/a/src/utils/b.rs", ""),
        ("crates/a/src/http_handler.rs", ""),
        ("crates/a/src/c.rs", "mod types {}\n"),
        ("crates/a/Cargo.toml", "[package]\nname = \"axiom-common\"\n"),
        ("crates/a/src/shared_memory.rs", ""),
    ];
    let lines = found(names::drawers, &files);
    assert_eq!(
        lines,
        [
            "crates/a/src/http_handler.rs: `http_handler.rs` names no duty; say what it does",
            "crates/a/src/utils/b.rs: `utils` names no duty; say what it does",
            "crates/a/src/c.rs:1: module `types` names no duty; say what it does",
            "crates/a/Cargo.toml:2: crate `axiom-common` names no duty; say what it does",
        ]
    );
}

#[test]
fn a_boss_is_found_and_a_mod_file_too() {
    let text = "pub(crate) struct SessionManager;\nstruct Managers;\n";
    let lines = found(names::bosses, &[("a.rs", text)]);
    assert_eq!(lines, ["a.rs:1: type `SessionManager` is a Manager; name the thing, not its boss"]);
    let lines = found(names::mod_files, &[("crates/a/src/b/mod.rs", "")]);
    assert_eq!(lines, ["crates/a/src/b/mod.rs: call it `name.rs` beside the folder `name/`"]);
}

#[test]
fn a_pure_crate_may_not_lack_a_threshold_or_a_ban() {
    let root = ("clippy.toml", "too-many-lines-threshold = 70\n");
    let own = ("crates/axiom-hub/clippy.toml", "too-many-lines-threshold = 90\n");
    let lines = found(lints::pure_bans, &[root, own]);
    let path = "crates/axiom-hub/clippy.toml";
    assert_eq!(lines[0], format!("{path}: does not repeat the root's `{}`", root.1.trim()));
    assert_eq!(lines[1], format!("{path}: `{}` is not the root's", own.1.trim()));
    assert_eq!(lines[2], format!("{path}: does not ban `std::time::Instant::now`"));
}

#[test]
fn a_pure_crate_may_not_lack_its_bans_and_no_other_may_have_them() {
    let root = ("clippy.toml", "too-many-lines-threshold = 70\n");
    let files = [root, ("crates/axiom-hub/src/lib.rs", ""), ("crates/axiom/clippy.toml", "")];
    let said = [
        "crates/axiom-hub/clippy.toml: a pure crate has no bans of its own",
        "crates/axiom/clippy.toml: only pure crates have a clippy.toml of their own",
    ];
    assert_eq!(found(lints::pure_bans, &files), said);
}

#[test]
fn the_pure_crates_bans_may_not_drift_apart() {
    let files = [
        ("clippy.toml", "too-many-lines-threshold = 70\n"),
        ("crates/axiom-hub/clippy.toml", "# one\n"),
        ("crates/axiom-proto/clippy.toml", "# two\n"),
    ];
    let said = "crates/axiom-hub/clippy.toml: is not the same as crates/axiom-proto/clippy.toml";
    let lines = found(lints::pure_bans, &files);
    assert!(lines.iter().any(|line| line == said), "{lines:?}");
}

#[test]
fn a_crate_may_not_leave_the_workspaces_lints() {
    let files = [("crates/a/Cargo.toml", "[package]\nname = \"a\"\n")];
    let said = "crates/a/Cargo.toml: add `[lints]` with `workspace = true`";
    assert_eq!(found(lints::crates_without_lints, &files), [said]);
}

#[test]
fn dead_links_are_found_and_shown_ones_are_not() {
    let text = "# A head\n[a](b.md) [c](../c.md) [d](#a-head) [e](#none) `[f](f.md)`\n\
                ```\n[g](g.md)\n```\n[h]: h.md\n[i](https://example.org/i)\n";
    let files = [("docs/a.md", text), ("c.md", ""), ("docs/d.md", "[up](../../up.md)")];
    let said = [
        "docs/a.md:2: `b.md` leads nowhere",
        "docs/a.md:2: `#none`: docs/a.md has no such heading",
        "docs/a.md:6: `h.md` leads nowhere",
        "docs/d.md:1: `../../up.md` leads nowhere",
    ];
    assert_eq!(found(prose::dead_links, &files), said);
}

#[test]
fn a_decision_that_is_not_listed_is_found() {
    let files = [
        ("docs/decisions/README.md", "[one](0001-one.md)\n"),
        ("docs/decisions/0001-one.md", ""),
        ("docs/decisions/0002-two.md", ""),
    ];
    let said = "docs/decisions/0002-two.md: is not linked from docs/decisions/README.md";
    assert_eq!(found(prose::unlisted_decisions, &files), [said]);
}

#[test]
fn paths_of_one_machine_are_found() {
    let [work, root, home] =
        ["work/main", "root/.cargo", "home/ann/axiom"].map(|path| format!("see `/{path}`\n"));
    let files = [("a.md", work.as_str()), ("b.rs", root.as_str()), ("c.txt", home.as_str())];
    let lines = found(prose::machine_paths, &files);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("a.md:1: "), "{lines:?}");
    let harmless = "docs/work/a.md $HOME/work/ /home/<name>/ /home/a https://example.org/root/\n";
    assert_eq!(found(prose::machine_paths, &[("a.md", harmless)]), Vec::<String>::new());
}

#[test]
fn download_addresses_in_lock_files_are_found() {
    let npm = format!("{{\n  \"resolved\": \"{}://example.org/a.tgz\"\n}}\n", "https");
    let cargo = "source = \"registry+https://example.org/index\"\n";
    let files = [("web/package-lock.json", npm.as_str()), ("Cargo.lock", cargo)];
    let lines = found(prose::locked_addresses, &files);
    let said = "names where it was downloaded; keep name, version and hash only";
    assert_eq!(
        lines,
        [format!("Cargo.lock:1: {said}"), format!("web/package-lock.json:2: {said}")]
    );
}

#[test]
fn a_word_without_a_line_and_a_word_with_two_are_found() {
    let text = "- **task**: the work.\n- **task**: again.\n";
    let lines = found(glossary::missing_words, &[(GLOSSARY, text)]);
    assert_eq!(lines[0], "docs/glossary.md:2: `task` is explained twice");
    assert_eq!(lines[1], "docs/glossary.md: has no line for `session`");
}

#[test]
fn a_type_named_by_a_synonym_is_found() {
    let files =
        [(GLOSSARY, "- **task**: the work. Not: job, chore.\n"), ("a.rs", "enum JobState {}\n")];
    let said = "a.rs:1: type `JobState`: our word for `job` is `task`";
    assert_eq!(found(glossary::synonym_types, &files), [said]);
}
