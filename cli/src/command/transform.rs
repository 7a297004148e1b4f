//! `edition transform`.

use catalog::{
    Result,
    model::{Direction, EditionName, OnError, Origin},
    operation::{self, TransformOptions},
    plan::class_of,
};
use clap::{Args, ValueEnum};

use super::Context;
use crate::output::Table;

/// Say how values of a draft's table follow from its parent's, and back
#[derive(Debug, Args)]
#[command(after_help = "Example:
  edition transform v2 users \\
      --forward \"first_name = split_part(name, ' ', 1), last_name = split_part(name, ' ', 2)\" \\
      --reverse \"name = first_name || ' ' || last_name\"

A forward expression reads the parent's columns, a reverse one the draft's.
A reverse one may also read the parent's present value, as old.name.")]
pub(crate) struct Transform {
    /// The draft
    edition: EditionName,

    /// The table as the draft names it: users, or schema.users
    table: String,

    /// column = expression [, …] from the parent to the draft; may be repeated
    #[arg(long, value_name = "ASSIGNMENTS")]
    forward: Vec<String>,

    /// column = expression [, …] from the draft to the parent; may be repeated
    #[arg(long, value_name = "ASSIGNMENTS")]
    reverse: Vec<String>,

    /// What becomes of a write whose value cannot be transformed
    #[arg(long, value_enum, default_value_t = Policy::Reject)]
    on_error: Policy,

    /// Forget the table's transforms that are not given here
    #[arg(long)]
    replace: bool,
}

/// [`OnError`] as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// The write fails
    Reject,
    /// The other edition sees NULL
    Null,
}

impl Transform {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let options = TransformOptions {
            edition: self.edition,
            table: self.table,
            forward: self.forward,
            reverse: self.reverse,
            on_error: match self.on_error {
                Policy::Reject => OnError::Reject,
                Policy::Null => OnError::Null,
            },
            replace: self.replace,
        };
        let outcome = operation::transform(&context.target()?, &options).await?;
        context.output.show(&outcome, |outcome| {
            if outcome.transforms.is_empty() {
                return format!("no transforms for {}", options.table);
            }
            let mut table = Table::new(["DIRECTION", "COLUMN", "EXPRESSION", "ON ERROR", "GIVEN BY"]);
            for transform in &outcome.transforms {
                table.row([
                    match transform.direction {
                        Direction::Forward => format!("→ {}", options.edition),
                        Direction::Reverse => format!("← {}", options.edition),
                    },
                    transform.column.as_str().to_owned(),
                    transform.expression.clone(),
                    transform.on_error.as_str().to_owned(),
                    match transform.origin {
                        Origin::Author => "author".to_owned(),
                        Origin::Inferred => format!("inferred, {}", class_of(transform, &[])),
                    },
                ]);
            }
            table.text()
        })
    }
}
