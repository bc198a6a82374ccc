//! The house tests itself: crate arrows, sizes, names, purity, prose.
//! Each rule is a function from the tree's text to a list of offences; a failure names all of them at once.
//! What clippy and rustc already check is not repeated here. `tidy/broken.rs` breaks each rule once.

mod tidy {
    pub(crate) mod arrows;
    pub(crate) mod broken;
    pub(crate) mod glossary;
    pub(crate) mod lints;
    pub(crate) mod names;
    pub(crate) mod offence;
    pub(crate) mod prose;
    pub(crate) mod rust;
    pub(crate) mod source;
    pub(crate) mod tree;
}

use tidy::offence::Offence;
use tidy::tree::Tree;
use tidy::{arrows, glossary, lints, names, prose, source};

/// Runs a rule over this repository.
fn hold(rule: fn(&Tree) -> Vec<Offence>) {
    let tree = Tree::of_repository();
    let offences = rule(&tree);
    let lines: Vec<String> = offences.iter().map(Offence::to_string).collect();
    assert!(lines.is_empty(), "{} offence(s):\n{}\n", lines.len(), lines.join("\n"));
}

#[test]
fn crates_use_only_what_the_plan_lets_them_use() {
    let lines = arrows::forbidden(&arrows::of_repository());
    assert!(lines.is_empty(), "{} arrow(s):\n{}\n", lines.len(), lines.join("\n"));
}

#[test]
fn pure_crates_have_no_guest_that_does_io() {
    let lines = arrows::forbidden_guests(&arrows::of_repository());
    assert!(lines.is_empty(), "{} guest(s):\n{}\n", lines.len(), lines.join("\n"));
}

#[test]
fn no_source_file_is_longer_than_600_lines() {
    hold(source::long_files);
}

#[test]
fn every_rust_file_opens_with_its_duty() {
    hold(source::files_without_duty);
}

#[test]
fn tests_wait_for_events_and_do_not_sleep() {
    hold(source::sleeps_in_tests);
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_to_do() {
    hold(source::unfinished);
}

#[test]
fn unsafe_stays_in_the_files_at_the_system_call_edge() {
    hold(source::stray_unsafe);
}

#[test]
fn no_file_or_module_is_a_drawer() {
    hold(names::drawers);
}

#[test]
fn no_type_is_a_boss() {
    hold(names::bosses);
}

#[test]
fn no_module_is_called_mod_rs() {
    hold(names::mod_files);
}

#[test]
fn pure_crates_carry_the_same_bans_and_the_roots_thresholds() {
    hold(lints::pure_bans);
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    hold(lints::crates_without_lints);
}

#[test]
fn no_link_in_the_prose_is_dead() {
    hold(prose::dead_links);
}

#[test]
fn every_decision_is_in_the_list_of_decisions() {
    hold(prose::unlisted_decisions);
}

#[test]
fn no_text_names_a_path_of_somebodys_machine() {
    hold(prose::machine_paths);
}

#[test]
fn no_lock_file_names_a_download_address() {
    hold(prose::locked_addresses);
}

#[test]
fn the_glossary_has_every_word_of_the_plan() {
    hold(glossary::missing_words);
}

#[test]
fn no_type_is_named_by_a_synonym() {
    hold(glossary::synonym_types);
}
