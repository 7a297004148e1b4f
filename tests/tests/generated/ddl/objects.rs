//! What is not a table: views, routines, triggers, types, sequences.

use edition_tests::{Dice, RoutineShape, Shape, TypeShape, ViewShape};

use super::{Kind, fresh, is_text, kind, qualified, quoted, table, table_and_column, type_and_constant};

pub(super) const KINDS: &[Kind] = &[
    kind("create view", 4, create_view),
    kind("replace view", 2, replace_view),
    kind("drop view", 2, drop_view),
    kind("rename view", 1, rename_view),
    kind("create materialized view", 1, create_materialized),
    kind("instead of trigger", 1, instead_of),
    kind("create rule", 1, create_rule),
    kind("create function", 3, create_function),
    kind("replace function", 2, replace_function),
    kind("drop routine", 2, drop_routine),
    kind("rename routine", 1, rename_routine),
    kind("create procedure", 1, create_procedure),
    kind("create aggregate", 1, create_aggregate),
    kind("create operator", 2, create_operator),
    kind("use operator", 1, use_operator),
    kind("drop operator", 1, drop_operator),
    kind("standard body", 2, standard_body),
    kind("create trigger", 3, create_trigger),
    kind("drop trigger", 1, drop_trigger),
    kind("disable trigger", 1, disable_trigger),
    kind("create enum", 2, create_enum),
    kind("add value", 2, add_value),
    kind("rename value", 1, rename_value),
    kind("make enum anew", 1, make_enum_anew),
    kind("create range", 1, create_range),
    kind("create domain", 1, create_domain),
    kind("alter domain", 1, alter_domain),
    kind("create composite", 1, create_composite),
    kind("alter composite", 1, alter_composite),
    kind("drop type", 1, drop_type),
    kind("rename type", 1, rename_type),
    kind("create sequence", 2, create_sequence),
    kind("alter sequence", 1, alter_sequence),
    kind("drop sequence", 1, drop_sequence),
];

fn create_view(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let (name, table, column) = (quoted(&fresh(dice, "v")), qualified(target), quoted(&column.name));
    Some(match dice.below(5) {
        0 => format!("CREATE VIEW {name} AS SELECT * FROM {table}"),
        1 => format!("CREATE VIEW {name} AS SELECT {column} AS shown, count(*) AS n FROM {table} GROUP BY 1"),
        2 => format!(
            "CREATE VIEW {name} WITH (security_barrier = true) AS SELECT {column} AS shown FROM {table} WHERE {column} IS NOT NULL"
        ),
        3 => {
            let view = dice.pick(&shape.views)?;
            format!(
                "CREATE VIEW {name} AS SELECT v.* FROM {}.{} AS v",
                quoted(&view.schema),
                quoted(&view.name)
            )
        }
        _ => format!("CREATE VIEW {name} AS SELECT {column} AS shown FROM {table}"),
    })
}

fn view<'a>(dice: &mut Dice, shape: &'a Shape, materialized: bool) -> Option<(&'a ViewShape, String)> {
    let all: Vec<&ViewShape> = shape.views.iter().filter(|view| view.materialized == materialized).collect();
    let view = *dice.pick(&all)?;
    Some((view, format!("{}.{}", quoted(&view.schema), quoted(&view.name))))
}

fn replace_view(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (view, name) = view(dice, shape, false)?;
    let query = view.definition.trim().trim_end_matches(';');
    Some(format!("CREATE OR REPLACE VIEW {name} AS SELECT q.*, 1 AS more FROM ({query}) AS q"))
}

fn drop_view(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let materialized = dice.chance(30);
    let (_, name) = view(dice, shape, materialized)?;
    Some(format!(
        "DROP {}VIEW {name}{}",
        if materialized { "MATERIALIZED " } else { "" },
        dice.word(&["", " CASCADE"])
    ))
}

fn rename_view(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (_, name) = view(dice, shape, false)?;
    Some(format!("ALTER VIEW {name} RENAME TO {}", quoted(&fresh(dice, "v"))))
}

fn create_materialized(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let (name, column) = (quoted(&fresh(dice, "m")), quoted(&column.name));
    Some(format!(
        "CREATE MATERIALIZED VIEW {name} AS SELECT {column} AS shown FROM {}; CREATE INDEX ON {name} (shown)",
        qualified(target)
    ))
}

fn instead_of(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (_, view) = view(dice, shape, false)?;
    let name = quoted(&fresh(dice, "f"));
    Some(format!(
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
         CREATE TRIGGER instead INSTEAD OF INSERT ON {view} FOR EACH ROW EXECUTE FUNCTION {name}()"
    ))
}

fn create_rule(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (_, view) = view(dice, shape, false)?;
    Some(format!("CREATE RULE {} AS ON DELETE TO {view} DO INSTEAD NOTHING", quoted(&fresh(dice, "rule"))))
}

fn create_function(dice: &mut Dice, _: &Shape) -> Option<String> {
    let name = quoted(&fresh(dice, "f"));
    Some(match dice.below(4) {
        0 => format!(
            "CREATE FUNCTION {name}(a integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a + 1'"
        ),
        1 => format!(
            "CREATE FUNCTION {name}(a text, b integer DEFAULT 2) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN a || b; END $$"
        ),
        2 => format!(
            "CREATE FUNCTION {name}() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT 1::bigint'"
        ),
        _ => format!(
            "CREATE FUNCTION {name}(VARIADIC a integer[]) RETURNS SETOF integer LANGUAGE sql STABLE ROWS 5 AS 'SELECT unnest(a)'"
        ),
    })
}

fn routine<'a>(
    dice: &mut Dice,
    shape: &'a Shape,
    fits: impl Fn(&RoutineShape) -> bool,
) -> Option<&'a RoutineShape> {
    let all: Vec<&RoutineShape> = shape.routines.iter().filter(|routine| fits(routine)).collect();
    dice.pick(&all).copied()
}

fn replace_function(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = routine(dice, shape, |routine| routine.kind == 'f' && !routine.trigger)?;
    let number = dice.below(100);
    let how = dice.word(&["COST 77", "STABLE", "SECURITY DEFINER", "SET work_mem = '8MB'"]);
    if dice.chance(50) {
        return Some(format!("ALTER FUNCTION {} {how}", found.signature));
    }
    let body = format!("SELECT a + {number}");
    Some(format!(
        "CREATE OR REPLACE FUNCTION {}(a integer) RETURNS integer LANGUAGE sql AS '{body}'",
        quoted(&found.name)
    ))
}

fn drop_routine(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = routine(dice, shape, |_| true)?;
    Some(format!("DROP ROUTINE {}{}", found.signature, dice.word(&["", "", " CASCADE"])))
}

fn rename_routine(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = routine(dice, shape, |_| true)?;
    Some(format!("ALTER ROUTINE {} RENAME TO {}", found.signature, quoted(&fresh(dice, "f"))))
}

fn create_procedure(dice: &mut Dice, _: &Shape) -> Option<String> {
    let name = quoted(&fresh(dice, "p"));
    Some(format!("CREATE PROCEDURE {name}(INOUT a integer) LANGUAGE plpgsql AS 'BEGIN a := a + 1; END'"))
}

fn create_aggregate(dice: &mut Dice, _: &Shape) -> Option<String> {
    let name = quoted(&fresh(dice, "a"));
    Some(format!("CREATE AGGREGATE {name}(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')"))
}

fn sign<'a>(dice: &mut Dice) -> &'a str {
    dice.word(&["<+>", "<->>", "@#@"])
}

/// Over a function of the application's or over a built-in one, with and without a partner.
fn create_operator(dice: &mut Dice, _: &Shape) -> Option<String> {
    let (sign, function) = (sign(dice), dice.word(&["int4pl", "int4mul", "int4larger"]));
    let link = dice.word(&["", "", ", COMMUTATOR = ", ", COMMUTATOR = @#@"]);
    let own = if link.ends_with("= ") { sign } else { "" };
    Some(format!(
        "CREATE OPERATOR {sign} (FUNCTION = {function}, LEFTARG = integer, RIGHTARG = integer{link}{own})"
    ))
}

fn use_operator(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let sign = sign(dice);
    let name = quoted(&fresh(dice, "o"));
    if dice.chance(50) {
        return Some(format!("CREATE VIEW {name} AS SELECT 1 OPERATOR(public.{sign}) 2 AS \"one\""));
    }
    let target = table(dice, shape)?;
    let column = target.columns.iter().find(|column| column.base == "integer")?;
    Some(format!("CREATE INDEX {name} ON {} (({} {sign} 1))", qualified(target), quoted(&column.name)))
}

fn drop_operator(dice: &mut Dice, _: &Shape) -> Option<String> {
    Some(format!("DROP OPERATOR {} (integer, integer)", sign(dice)))
}

fn standard_body(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let name = quoted(&fresh(dice, "f"));
    Some(format!(
        "CREATE FUNCTION {name}() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM {}; END",
        qualified(target)
    ))
}

fn create_trigger(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let texts: Vec<_> = target.columns.iter().filter(|c| is_text(c) && c.is_writable()).collect();
    let (name, trigger, table) =
        (quoted(&fresh(dice, "f")), quoted(&fresh(dice, "trigger")), qualified(target));
    let body = match dice.pick(&texts) {
        Some(column) => format!("NEW.{0} := btrim(NEW.{0});", quoted(&column.name)),
        None => String::new(),
    };
    let (when, how) = if dice.chance(70) {
        (format!("BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW"), body)
    } else {
        (format!("AFTER DELETE ON {table} FOR EACH STATEMENT"), String::new())
    };
    Some(format!(
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN {how} RETURN NEW; END $body$; \
         CREATE TRIGGER {trigger} {when} EXECUTE FUNCTION {name}()"
    ))
}

fn drop_trigger(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    Some(format!("DROP TRIGGER {} ON {}", quoted(dice.pick(&target.triggers)?), qualified(target)))
}

fn disable_trigger(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let how = dice.word(&["DISABLE", "ENABLE", "ENABLE ALWAYS"]);
    Some(format!("ALTER TABLE {} {how} TRIGGER {}", qualified(target), quoted(dice.pick(&target.triggers)?)))
}

fn create_enum(dice: &mut Dice, _: &Shape) -> Option<String> {
    Some(format!("CREATE TYPE {} AS ENUM ('new', 'open', 'it''s done')", quoted(&fresh(dice, "e"))))
}

fn some_type<'a>(dice: &mut Dice, shape: &'a Shape, kind: char) -> Option<&'a TypeShape> {
    let all: Vec<&TypeShape> = shape.types.iter().filter(|found| found.kind == kind).collect();
    dice.pick(&all).copied()
}

fn label(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn add_value(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = some_type(dice, shape, 'e')?;
    let place = match dice.pick(&found.labels) {
        Some(other) if dice.chance(50) => format!(" {} {}", dice.word(&["BEFORE", "AFTER"]), label(other)),
        _ => String::new(),
    };
    Some(format!("ALTER TYPE {} ADD VALUE {}{place}", quoted(&found.name), label(&fresh(dice, "value"))))
}

fn rename_value(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = some_type(dice, shape, 'e')?;
    let old = dice.pick(&found.labels)?;
    Some(format!(
        "ALTER TYPE {} RENAME VALUE {} TO {}",
        quoted(&found.name),
        label(old),
        label(&fresh(dice, "value"))
    ))
}

/// As tools do that cannot alter one: another takes its columns and its name.
fn make_enum_anew(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = some_type(dice, shape, 'e')?;
    let gone = if dice.chance(30) { dice.pick(&found.labels).cloned() } else { None };
    let kept = found.labels.iter().filter(|kept| Some(*kept) != gone.as_ref()).map(|kept| label(kept));
    let labels: Vec<String> = kept.chain([label(&fresh(dice, "value"))]).collect();
    let (old, new) = (quoted(&found.name), quoted(&fresh(dice, "e")));
    let mut script = format!("CREATE TYPE {new} AS ENUM ({})", labels.join(", "));
    for table in &shape.tables {
        for column in table.columns.iter().filter(|column| column.type_name == found.name) {
            let (table, column) = (qualified(table), quoted(&column.name));
            script.push_str(&format!(
                "; ALTER TABLE {table} ALTER {column} DROP DEFAULT; ALTER TABLE {table} ALTER {column} TYPE {new} USING {column}::text::{new}"
            ));
        }
    }
    Some(format!("{script}; DROP TYPE {old}; ALTER TYPE {new} RENAME TO {old}"))
}

fn create_range(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let name = quoted(&fresh(dice, "range"));
    let used = match table(dice, shape) {
        Some(target) if dice.chance(50) => format!(
            "; ALTER TABLE {} ADD COLUMN {} {name} DEFAULT {name}(1, 5)",
            qualified(target),
            quoted(&fresh(dice, "c"))
        ),
        _ => String::new(),
    };
    Some(format!(
        "CREATE TYPE {name} AS RANGE (SUBTYPE = {}){used}",
        dice.word(&["integer", "float8", "numeric"])
    ))
}

fn create_domain(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let name = quoted(&fresh(dice, "d"));
    let used = match table(dice, shape) {
        Some(target) if dice.chance(50) => {
            format!("; ALTER TABLE {} ADD COLUMN {} {name}", qualified(target), quoted(&fresh(dice, "c")))
        }
        _ => String::new(),
    };
    Some(format!("CREATE DOMAIN {name} AS integer DEFAULT 3 CONSTRAINT positive CHECK (VALUE > 0){used}"))
}

fn alter_domain(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = some_type(dice, shape, 'd')?;
    let what = match dice.pick(&found.constraints) {
        Some(constraint) if dice.chance(40) => format!("DROP CONSTRAINT {}", quoted(constraint)),
        _ => dice
            .word(&[
                "SET DEFAULT 4",
                "DROP DEFAULT",
                "ADD CHECK (VALUE < 1000000)",
                "SET NOT NULL",
                "DROP NOT NULL",
            ])
            .to_owned(),
    };
    Some(format!("ALTER DOMAIN {} {what}", quoted(&found.name)))
}

fn create_composite(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (type_name, _) = type_and_constant(dice, shape);
    Some(format!("CREATE TYPE {} AS (x integer, y {type_name})", quoted(&fresh(dice, "pair"))))
}

fn alter_composite(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = some_type(dice, shape, 'c')?;
    let what = dice.word(&["ADD ATTRIBUTE z text", "DROP ATTRIBUTE y", "RENAME ATTRIBUTE x TO w"]);
    Some(format!("ALTER TYPE {} {what}", quoted(&found.name)))
}

fn drop_type(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = dice.pick(&shape.types)?;
    Some(format!("DROP TYPE {}", quoted(&found.name)))
}

fn rename_type(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let found = dice.pick(&shape.types)?;
    Some(format!("ALTER TYPE {} RENAME TO {}", quoted(&found.name), quoted(&fresh(dice, "type"))))
}

fn create_sequence(dice: &mut Dice, _: &Shape) -> Option<String> {
    let how = dice.word(&["", " START 10 INCREMENT 2 CACHE 5", " AS integer MAXVALUE 9999 CYCLE"]);
    Some(format!("CREATE SEQUENCE {}{how}", quoted(&fresh(dice, "s"))))
}

fn alter_sequence(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let name = quoted(dice.pick(&shape.sequences)?);
    let what = dice.word(&["INCREMENT BY 7", "CYCLE", "MAXVALUE 100000", "CACHE 9"]);
    Some(format!("ALTER SEQUENCE {name} {what}"))
}

fn drop_sequence(dice: &mut Dice, shape: &Shape) -> Option<String> {
    Some(format!("DROP SEQUENCE {}", quoted(dice.pick(&shape.sequences)?)))
}
