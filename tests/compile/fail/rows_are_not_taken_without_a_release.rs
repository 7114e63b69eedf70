use greffier::source::{Row, Withheld};

fn open(withheld: Withheld) -> Vec<Row> {
    withheld.rows
}

fn main() {
    let _ = open;
}
