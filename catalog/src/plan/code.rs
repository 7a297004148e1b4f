//! The registry of finding codes. A number and its slug are forever: people write them into CI files.
//!
//! To add one: append an entry to the table below with the next free number, and run `UPDATE_DOCS=1 cargo test -p edition-catalog codes`,
//! which writes `docs/findings.md` anew.

use super::Severity;
use crate::codes::codes;

codes! {
    /// What a finding is an instance of: `E012 tightens-older-edition`. Its slug is what `--allow` takes.
    letter: "E", grade: severity -> Severity, reason: explanation;
    Unsupported = 1, "unsupported", Refused:
        "The draft makes a change that cannot be brought to the live database online and reversibly. The finding names the object and the change.",
        "Take the change back in the draft, or follow the fix that the finding names.";
    ForeignDdl = 2, "foreign-ddl", Refused:
        "The live database is not what the catalogue says: somebody altered it directly, without an edition. A plan would be made from a false picture.",
        "See what it is and take it into the editions (edition sync), or undo the direct change.";
    SeedRows = 3, "seed-rows", Notice:
        "The draft's migrations inserted, changed or deleted rows in its blueprint. Publish does the same once in the live database, where older editions see it, too, in the tables that they share.",
        "Nothing to do. What no edition should get: take it back in the draft.";
    ChangesNothing = 4, "changes-nothing", Notice:
        "The draft is its parent with another name: its schema, its rows and its transforms are the same. A migration that was meant to run in it may have run elsewhere.",
        "Nothing to do if that is meant; else change the draft (edition url NAME says where it is), or give it up: edition drop NAME.";
    NeedsForwardTransform = 10, "needs-forward-transform", Refused:
        "Rows that older editions wrote or will write need a value in a column of the draft, and nothing says which.",
        "Give one (edition transform NAME TABLE --forward 'column = expression'), or a default in the draft.";
    NeedsReverseTransform = 11, "needs-reverse-transform", Refused:
        "Rows that the new edition writes need a value in a column that older editions still read, and nothing says which.",
        "Give one (edition transform NAME TABLE --reverse 'column = expression').";
    TightensOlderEdition = 12, "tightens-older-edition", NeedsWord:
        "A new rule (NOT NULL, CHECK, UNIQUE, a foreign key) is over columns that older editions share, so their writes must meet it too from publish on. A write that was valid before may fail.",
        "Give a forward transform for a column of the rule, so that the new edition gets a column of its own, and one whose value meets the rule whatever older editions write; or make sure that older applications meet the rule, and allow it.";
    RestrictsOlderEdition = 13, "restricts-older-edition", NeedsWord:
        "A new foreign key points at a table that older editions delete from: rows of the new table will keep them from deleting the rows pointed at, or its action fires triggers of the new table in their sessions.",
        "Use ON DELETE CASCADE or SET NULL, and trigger functions that name nothing new; or make sure that older applications do not delete such rows, and allow it.";
    LossyCast = 14, "lossy-cast", NeedsWord:
        "A transform was inferred from a change of type, and the cast rounds or cuts values without an error.",
        "State the transform (edition transform), or accept the rounding.";
    NullForNotNull = 15, "null-for-not-null", Refused:
        "A transform is to give NULL for values that do not fit (--on-error null), but its column is NOT NULL.",
        "Give it with --on-error reject, or drop NOT NULL in the draft.";
    BadTransform = 16, "bad-transform", Refused:
        "The expression of a transform cannot be used: PostgreSQL refuses it, or it reads what a transform may not read.",
        "Correct it: edition transform NAME TABLE --forward|--reverse 'column = expression'.";
    UnknownTransformTarget = 17, "unknown-transform-target", Refused:
        "A transform names a table or column that is not there on the side that it is for.",
        "edition diff shows the names on both sides; edition transform NAME TABLE --replace, with what is right, forgets the table's other transforms.";
    BackfillFiresTriggers = 18, "backfill-fires-triggers", NeedsWord:
        "The backfill updates every row of a table that has triggers of the application's own, and the role that publishes may not silence them.",
        "GRANT SET ON PARAMETER session_replication_role to that role; or make sure that the triggers may fire once for every row, and allow it.";
    ColumnGrantsWithPolicies = 19, "column-grants-with-policies", Refused:
        "The table has row-level policies and privileges on single columns. A view with the caller's rights would deny what column grants allow; one with its owner's would pass by the policies.",
        "Leave this table as it is in the draft, or grant on the whole table first.";
    RewritesTable = 20, "rewrites-table", Refused:
        "The change would rewrite the whole table while nobody can read or write it.",
        "Change the draft as the finding says, so that the value comes from a backfill instead.";
    KeptUntilRetire = 21, "kept-until-retire", Notice:
        "Older editions still rely on something that the draft drops (a constraint, an index), so it stays in force until they are retired.",
        "Nothing to do: retiring the older editions drops it.";
    BlocksWriters = 22, "blocks-writers", NeedsWord:
        "PostgreSQL can make this change only under an exclusive lock for as long as it reads or rewrites the table: an exclusion constraint, a stored generated column, a column whose domain has constraints. The finding says how large the table is.",
        "Publish at a quiet time, and allow it.";
    OlderEditionLacksPrivilege = 23, "older-edition-lacks-privilege", Refused:
        "Every insert, also of an older edition, would take a number from the sequence of a new column, and a role that may insert may not do that.",
        "Grant USAGE on the sequence in the draft.";
    NullsWaitForRetire = 24, "nulls-wait-for-retire", NeedsWord:
        "The draft drops NOT NULL of a column, but an older edition must never see NULL there, and nothing says what it is to see instead. The column stays NOT NULL until the older editions are retired: the newer one cannot store NULL before.",
        "Give a reverse transform, so that the newer edition gets a column of its own: edition transform NAME TABLE --reverse 'column = coalesce(column, value)'; or make sure that it writes no NULL until then, and allow it.";
    TableMadeAnew = 26, "table-made-anew", Notice:
        "The draft drops a table and makes another one of its name. They are two tables: the newer one begins without the older one's rows, and the older one goes with its edition at retire.",
        "Nothing to do if that is meant; else keep the table in the draft and ALTER it, so that its rows are kept.";
    PartitionShared = 27, "partition-shared", Notice:
        "The draft adds a partition to a table that older editions have, too. They share it from publish on: rows that they write may go there. A rollback keeps it if it has rows by then.",
        "Nothing to do: a partition holds rows of the table, whoever writes them.";
    PartitionsByName = 28, "partitions-by-name", Notice:
        "A partitioned table is stored otherwise than one of its editions sees it. The table as a whole looks to each edition as it should; a statement that names a single partition meets what is stored: it may see columns of other editions, and where the edition's columns have other names there it is answered that the partition does not exist.",
        "Nothing to do if the application names only the table as a whole; else wait with such statements until the older editions are retired.";
    OwnerNotHeld = 29, "owner-not-held", Refused:
        "The draft makes or changes an object whose owner is a role that the role that publishes is no member of: PostgreSQL would let it neither alter the object nor give a new one to that role.",
        "Make the role that publishes a member of the owner, or change the owner in the draft.";
    SeedRowsWithoutKey = 40, "seed-rows-without-key", Refused:
        "The draft's migrations changed or deleted rows of a table that has neither a primary key nor a unique constraint, so they cannot be found in the live database.",
        "Give the table a key, or take the change of its rows back in the draft.";
    DataStep = 41, "data-step", NeedsWord:
        "A statement of the draft changes rows in a way that no row-by-row transform says. Publish runs it once, through the new edition: older editions see what it changes in columns that they share, a rollback does not undo it, and it locks the rows that it changes while it runs.",
        "Give a transform that says the same, or take the statement back in the draft and run it through the edition in small portions once it is published; or allow it.";
    NotInferred = 42, "not-inferred", NeedsWord:
        "The draft fills a column by an UPDATE from which no transform can be inferred: it reads other tables, or cannot be computed from one row. Rows of older editions keep the column's default or NULL.",
        "Give the transform: edition transform NAME TABLE --forward 'column = expression'; or allow it.";
    LossyButKept = 43, "lossy-but-kept", Notice:
        "An inferred transform cannot tell every value of the other edition: the older value stays where nobody edits it, and is replaced where somebody does.",
        "Nothing to do if that is what you want; else give the transform: edition transform.";
    DoesNotUndo = 44, "does-not-undo", Notice:
        "On a sample of the real rows, the reverse transform does not give back what the forward one was given: a row that is edited in the new edition may come to read differently in the older one, too.",
        "Nothing to do if the difference does no harm (white space, capital letters); else correct the transforms: edition transform.";
    OlderKeyMeetsDefault = 45, "older-key-meets-default", Notice:
        "The draft's enum has a value that the older edition's lacks. A new row with it has the column's default in the older edition, and a key of that edition includes the column: where the default is taken already, the new edition's INSERT fails.",
        "Say what older editions shall see: edition transform NAME TABLE --reverse 'column = expression'.";
    NumbersMayMeet = 46, "numbers-may-meet", NeedsWord:
        "The draft lets a column count whose numbers older editions give themselves. It counts from behind the last number that was there at publish; where an older edition gives a number that the counter comes to, the newer edition's INSERT fails on a key.",
        "Let older applications give no numbers beyond those that are there, or none at all; or allow it.";
    OlderWriteMayFail = 47, "older-write-may-fail", NeedsWord:
        "The draft has a column of its own that a forward transform computes from what older editions write. Where the transform raises an error (a value that the narrower type does not take), or what it gives breaks a rule of the draft's column (NOT NULL, a check, a unique or foreign key, an exclusion, a domain's rules), the older edition's write fails.",
        "Give a forward transform that cannot fail, whatever older editions write: left(x, 5), least(greatest(x, 0), 9), coalesce(x, ''), CASE WHEN …, or --on-error null where the column takes NULL; or make sure that older applications write nothing else, and allow it.";
    NewerWriteMayFail = 48, "newer-write-may-fail", Notice:
        "A reverse transform computes a column of the older editions from what the new one writes. Where it raises an error, because the older type does not take the value, or gives NULL for a column that takes none, the new edition's write fails as long as an older edition is live.",
        "Nothing to do if the new application writes no such value until then; else give a reverse transform that cannot fail: edition transform NAME TABLE --reverse 'column = expression'.";
    KeyStandsTwice = 49, "key-stands-twice", Notice:
        "The draft has a column of a primary or unique key stored anew (another type), so two unique indexes stand for the key as long as an older edition is live. INSERT … ON CONFLICT (key) heeds one of them: of two sessions that insert the same new key at the same moment, in whichever editions, one may fail with 23505 (unique_violation) by the other index instead of updating or doing nothing.",
        "Repeat a statement that fails with 23505; upsert less until the older editions are retired; or, where nothing is to be updated, leave the key out: ON CONFLICT DO NOTHING heeds both.";
    DeferredToRetire = 60, "deferred-to-retire", Notice:
        "The draft takes something away or changes something that an older edition could notice or lose (an owner, a privilege, a comment, storage). It stays as it is for now.",
        "Nothing to do: the object takes the newer edition's state when the older ones are retired.";
    ExtensionMissing = 61, "extension-missing", Refused:
        "The draft installs an extension that the live server does not have.",
        "Install the extension's files on the live server, then plan again.";
    NameDeferred = 62, "name-deferred", NeedsWord:
        "The draft renames an object that all editions share and that has one name only: the newer edition knows it by its old name until the older ones are retired.",
        "Leave the name as it is; or let the application use the old name until then, and allow it.";
    TriggerNamesColumn = 70, "trigger-names-column", Refused:
        "A trigger's function finds a column by its name in a way that cannot be rewritten (an argument, a transition table, a language other than PL/pgSQL), and the stored row has that column under another name until the older editions are retired.",
        "Keep the column as it is in this draft, or let a PL/pgSQL function name it as NEW.column.";
    TriggerSeesWholeRow = 71, "trigger-sees-whole-row", NeedsWord:
        "A trigger's function takes the row as a whole (NEW.*, to_jsonb(NEW)) on a table whose stored row gets columns that some edition does not know. A function that copies the row into a table of the same shape would fail.",
        "Name the columns in the function; or make sure that it can take more columns, and allow it.";
    BoundToFunction = 72, "bound-to-function", Refused:
        "The draft changes a function that PostgreSQL has bound to something else (an operator class, a cast, a stored generated column, a statistics object), which all editions share and which calls one function for all of them; or a table's default or rule calls a new function that cannot be made before the tables are.",
        "Leave the function as it is and give the changed one another name, or follow the fix that the finding names.";
    RowTypeInSignature = 73, "row-type-in-signature", NeedsWord:
        "A function takes or gives rows of a table that becomes a view while the editions differ. The function goes on speaking of stored rows, which have columns that no edition knows: passing it a row, or returning SELECT * from it, fails in every edition until the older ones are retired.",
        "Let the function take the key and return named columns (RETURNS TABLE) first; or make sure that nobody calls it until then, and allow it.";
    FunctionNeedsTable = 74, "function-needs-table", NeedsWord:
        "A function's body has a statement that PostgreSQL takes for a table and not for a view (TRUNCATE, ON CONFLICT ON CONSTRAINT, GROUP BY a key, TABLESAMPLE, ctid …), and the table is a view to the sessions of an edition while the editions differ. The proxy makes up for that in what clients send; what is inside a function it never sees. So the function would fail, also where an older application calls it.",
        "Word the statement so that a view takes it (DELETE, ON CONFLICT (columns), all columns under GROUP BY), in an edition before this one; or make sure that nobody calls the function until the older editions are retired, and allow it.";
    PoliciesReachable = 75, "policies-reachable", Notice:
        "The row-level security of a table differs between two live editions. Each session meets the policies of its own edition, told by its setting edition.id, which any role can set: the policies keep the editions of an application apart, not a role from what another edition allows it.",
        "Nothing to do if no role must be kept from what the more generous edition shows it; else change policies while one edition is live, by edition sync or a short-lived pair of editions.";
    PoliciesNotComparable = 76, "policies-not-comparable", NeedsWord:
        "Two live editions have policies of which neither can be told to allow less. Any role can set edition.id, so while both are live it reaches the rows that either edition allows it.",
        "Make sure that this is no harm, and allow it; or make the change as policies that are only added or only dropped.";
    RowSecuritySwitched = 77, "row-security-switched", NeedsWord:
        "A draft enables or disables row-level security. It is a property of the stored table, so while both editions are live it is enabled for both, and a policy lets the edition pass that does not have it. Two things fail there for roles other than the owner: COPY … FROM into the table, and statements under row_security = off (pg_dump).",
        "Make sure that the application does neither, and allow it.";
    PoliciesHideRows = 78, "policies-hide-rows", Refused:
        "The backfill runs as the table's owner, and FORCE ROW LEVEL SECURITY has the owner under the policies: rows that they hide would keep no value in the new columns.",
        "Run edition as a role with BYPASSRLS; or publish NO FORCE ROW LEVEL SECURITY first, in a draft of its own.";
    WholeRowRead = 79, "whole-row-read", NeedsWord:
        "A policy, check constraint or index takes the row of a table as a whole (`notes IS NOT NULL`, `to_jsonb(notes)`). It is judged on the stored row, which has the columns of all live editions under their stored names: where the draft adds or drops a column, it may say something else to every edition, and a check may refuse rows that were valid.",
        "Name the columns instead, in a draft that changes nothing else of the table, and retire the older editions before this one; or make sure that more columns do no harm, and allow it.";
    WholeRowBuilt = 80, "whole-row-built", Refused:
        "A policy, check constraint or index puts a row of a table together or casts to it (`ROW('a', 1)::notes`), and the stored row has more columns than the edition knows: PostgreSQL could not make it.",
        "Name the columns instead, in a draft that changes nothing else of the table, and retire the older editions before this one.";
    TriggerRunsLate = 81, "trigger-runs-late", NeedsWord:
        "Triggers of one kind fire in the order of their names, and the crossedition triggers are to be the last, so that they compute from what a row is in the end. The name of this BEFORE trigger sorts behind theirs (`~edition…`): every name that begins with a letter outside ASCII does. What it changes of a row does not reach the other editions' columns.",
        "Rename the trigger, so that it begins with an ASCII letter or digit; or make sure that it changes nothing that a transform reads, and allow it.";
    PartitionTrigger = 82, "partition-trigger", NeedsWord:
        "A trigger stands on a single partition of a table that the draft changes. Triggers of the whole table run in each edition with that edition's columns; one of a partition runs as it is, on the stored row: it does not see what a newer edition writes to a column of its own, and what it sets there reaches no other edition. The backfill fires it, unless the role that publishes may silence triggers.",
        "Make it a trigger of the whole table; or make sure that it neither reads nor sets columns that the draft stores anew, and allow it.";
    DependsOnTimeZone = 83, "depends-on-time-zone", NeedsWord:
        "A transform was inferred from a change between a type with a time zone and one without, and such a cast goes by the TimeZone of the session that writes. A value of a session in one zone becomes another instant than that of a session in another, and than what the backfill makes of it in the zone of the role that publishes.",
        "State the zone that the values are in (edition transform NAME TABLE --forward 'column = column AT TIME ZONE …'), and the way back; or make sure that all sessions and the role that publishes have the same TimeZone, and allow it.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        let numbers: Vec<u16> = Code::ALL.iter().map(|code| code.digits()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "append with the next free number: {numbers:?}");
        let slugs: BTreeSet<&str> = Code::ALL.iter().map(|code| code.slug()).collect();
        assert_eq!(slugs.len(), Code::ALL.len());
        for slug in slugs {
            assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{slug}");
        }
    }

    #[test]
    fn codes_are_read_as_number_slug_or_both() {
        for code in Code::ALL {
            for text in
                [code.number(), code.number().to_lowercase(), code.slug().to_owned(), code.to_string()]
            {
                assert_eq!(Code::parse(&text), Some(*code));
            }
        }
        assert_eq!(Code::TightensOlderEdition.to_string(), "E012 tightens-older-edition");
        assert_eq!(Code::parse("E999"), None);
        assert_eq!(Code::parse("tightens"), None);
    }

    /// The page for people says what the registry says.
    #[test]
    fn codes_are_documented() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/findings.md");
        let wanted = page();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            found, wanted,
            "docs/findings.md is out of date: UPDATE_DOCS=1 cargo test -p edition-catalog codes"
        );
    }

    fn page() -> String {
        let mut text = "# Findings\n\nWhat `edition plan` may say about a draft. Codes are stable; `edition explain CODE` prints the same.\n\n\
            *refused*: the draft or its transforms must change. *needs word*: publish asks for `--allow CODE`, or for an entry in a file that `--allow-file` names:\n\n\
            ```toml\n[[allow]]\ncode = \"E012\"                                    # or tightens-older-edition\n\
            subject = \"table public.users, constraint adult\" # as the plan prints it; without it, every subject\n\
            reason = \"version 1 has checked this since March\"\n```\n\n*notice*: for information.\n"
            .to_owned();
        for code in Code::ALL {
            let severity = match code.severity() {
                Severity::Refused => "refused",
                Severity::NeedsWord => "needs word",
                Severity::Notice => "notice",
            };
            let (explanation, fix) = (code.explanation(), code.fix());
            text.push_str(&format!("\n## {code}\n\n*{severity}.* {explanation}\n\nWhat helps: {fix}\n"));
        }
        text
    }
}
