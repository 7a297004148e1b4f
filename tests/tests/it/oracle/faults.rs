//! Faults that are put into the generated triggers by hand: the oracle must notice each, or it proves nothing.

use super::{
    draft::{Change, What},
    perform,
    play::Step,
};

/// Three editions whose hops both transform, and writes through all of them. Without a fault it goes well.
fn script(fault: Option<&'static str>) -> Vec<Step> {
    let mut steps = vec![
        // "t" is split, "i" becomes ten times as coarse
        Step::Publish(vec![Change(What::Split, 0, 1), Change(What::Scale, 0, 1)]),
        // what v2 made of "i" is computed once more
        Step::Publish(vec![
            Change(What::AddComputed, 0, 0),
            Change(What::AddComputed, 0, 20),
            Change(What::Scale, 0, 3),
        ]),
    ];
    steps.extend(fault.map(Step::Sabotage));
    for values in [3, 50, 120, 201, 17, 88] {
        for edition in 0..3 {
            steps.push(Step::Insert(edition, 0, values));
            steps.push(Step::Touch(edition, 0));
            steps.push(Step::Update(edition, 0, values, values.wrapping_add(edition)));
            steps.push(Step::Update(edition, 0, values + 1, values.wrapping_mul(edition + 2)));
        }
    }
    steps
}

/// Runs a statement made of the definition of every one of our triggers.
macro_rules! for_each_trigger {
    ($condition:literal, $statement:literal) => {
        concat!(
            "DO $do$ DECLARE t record; BEGIN FOR t IN SELECT oid, tgname, tgrelid::regclass AS tab, pg_get_triggerdef(oid) AS def FROM pg_trigger ",
            "WHERE starts_with(tgname, '~edition') AND ",
            $condition,
            " LOOP EXECUTE ",
            $statement,
            "; END LOOP; END $do$"
        )
    };
}

/// The same for the functions behind them.
macro_rules! for_each_function {
    ($statement:literal) => {
        concat!(
            "DO $do$ DECLARE f record; BEGIN FOR f IN SELECT pg_get_functiondef(oid) AS def FROM pg_proc ",
            "WHERE pronamespace = 'edition'::regnamespace AND prorettype = 'trigger'::regtype LOOP EXECUTE ",
            $statement,
            "; END LOOP; END $do$"
        )
    };
}

#[test]
fn without_a_fault_the_script_goes_well() {
    perform(&script(None)).unwrap();
}

#[track_caller]
fn is_noticed(fault: &'static str) {
    match perform(&script(Some(fault))) {
        Ok(()) => panic!("the oracle did not notice"),
        Err(problem) => assert!(problem.contains("should"), "it noticed something else: {problem}"),
    }
}

#[test]
fn a_lost_forward_trigger_is_noticed() {
    is_noticed(for_each_trigger!(
        "tgname LIKE '%forward update'",
        "format('DROP TRIGGER %I ON %s', t.tgname, t.tab)"
    ));
}

#[test]
fn a_lost_reverse_trigger_is_noticed() {
    is_noticed(for_each_trigger!(
        "tgname LIKE '%reverse insert'",
        "format('DROP TRIGGER %I ON %s', t.tgname, t.tab)"
    ));
}

#[test]
fn a_gate_that_lets_the_child_pass_forward_is_noticed() {
    is_noticed(for_each_trigger!(
        "tgname LIKE '%forward%'",
        "replace(replace(t.def, 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'), ' < ', ' <= ')"
    ));
}

#[test]
fn a_gate_that_shuts_out_the_grandchild_is_noticed() {
    is_noticed(for_each_trigger!(
        "tgname LIKE '%reverse%'",
        "replace(replace(t.def, 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'), ' >= ', ' = ')"
    ));
}

#[test]
fn a_transform_that_runs_though_nothing_changed_is_noticed() {
    is_noticed(concat!(
        for_each_trigger!(
            "tgname LIKE '%update'",
            r#"regexp_replace(replace(t.def, 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'), '(\()new\.("[^"]*"|\w+) IS DISTINCT FROM old\.("[^"]*"|\w+)', '\1true', 'g')"#
        ),
        ";",
        for_each_function!("replace(f.def, 'TG_OP = ''INSERT''', 'true')")
    ));
}

#[test]
fn hops_in_the_wrong_order_are_noticed() {
    is_noticed(for_each_trigger!(
        "tgname LIKE '~edition 1 0000000002 forward%'",
        "format('ALTER TRIGGER %I ON %s RENAME TO %I', t.tgname, t.tab, replace(t.tgname, '0000000002', '0000000009'))"
    ));
}

#[test]
fn a_changed_expression_is_noticed() {
    is_noticed(for_each_function!("replace(f.def, '/ 10', '/ 11')"));
}
