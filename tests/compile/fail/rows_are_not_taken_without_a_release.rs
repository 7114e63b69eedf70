use greffier::source::{Row, WithheldRows};

fn open(withheld: WithheldRows) -> Vec<Row> {
    withheld.rows
}

fn main() {
    let _ = open;
}
