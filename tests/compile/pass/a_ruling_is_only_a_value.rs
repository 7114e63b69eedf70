use greffier::format::entry::Ruling;

fn main() {
    let _ = Ruling::RELEASED;
}
