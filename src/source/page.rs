//! How much goes on one page. Clients take no message above 4 MiB unless they are told to, so a
//! page ends well before that, and what it ends for is what it holds: a page says nothing of what
//! may lie behind it.

use super::RowFault;

/// Most bytes of the rows of a reply.
pub const REPLY_MAX: usize = 3 << 20;
/// Bytes of a reply from which on a page takes no further row.
const FULL: usize = 1 << 20;
/// Most bytes of a row among others.
const AMONG_OTHERS: usize = REPLY_MAX - FULL;
/// Most bytes of a record that is asked for by its name.
const ALONE: usize = REPLY_MAX;
/// At most what tags, lengths and a flag take of a reply, for each row and for each field of it.
const FRAME: usize = 16;

/// A row as a source found it.
pub(super) struct Found {
    pub(super) id: String,
    pub(super) on_roster: bool,
    /// Names and values of the fields; none if they are more than a reply may hold.
    pub(super) fields: Option<Vec<(String, String)>>,
}

/// What a source found for a query, in the order of the ids.
pub(super) struct Page {
    pub(super) found: Vec<Found>,
    /// Records that were passed over as if they were not there.
    pub(super) faults: Vec<RowFault>,
    /// How many rows the page may have at most.
    rows: u64,
    /// How many bytes one row may have at most.
    row: usize,
    /// How many bytes the rows so far take of a reply.
    bytes: usize,
    /// Whether more records may follow behind the page.
    pub(super) more: bool,
}

impl Page {
    /// An empty page of so many rows at most.
    pub(super) fn of(rows: u64) -> Page {
        let (found, faults) = (Vec::new(), Vec::new());
        Page { found, faults, rows, row: AMONG_OTHERS, bytes: 0, more: false }
    }

    /// An empty page for one record, where no other can be.
    pub(super) fn of_one(rows: u64) -> Page {
        Page { row: ALONE, ..Page::of(rows) }
    }

    /// Whether no other record than one can be on it, or behind it.
    pub(super) fn is_of_one(&self) -> bool {
        self.row == ALONE
    }

    /// Whether it takes no further row: for what is on it, whatever comes behind.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() as u64 >= self.rows || self.bytes >= FULL
    }

    /// Whether a row whose fields have these lengths, names and values together, keeps them.
    pub(super) fn holds(&self, name: usize, fields: impl IntoIterator<Item = usize>) -> bool {
        size(name, fields) <= self.row
    }

    /// One more row. `name`: length of the record's name.
    pub(super) fn add(&mut self, name: usize, found: Found) {
        let fields = found.fields.iter().flatten().map(|(name, value)| name.len() + value.len());
        self.bytes += size(name, fields);
        self.found.push(found);
    }

    /// Bytes of a reply that has its rows.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// At least the length of the name of a record: its handle is the id and a tag of 16 bytes in
/// base64.
pub(super) fn name_length(dataset: &str, id: &str) -> usize {
    "datasets//records/".len() + dataset.len() + (id.len() + 16).div_ceil(3) * 4
}

/// At most as many bytes as a row takes of a reply. `name`: length of the record's name; `fields`:
/// of name and value of each together.
pub(super) fn size(name: usize, fields: impl IntoIterator<Item = usize>) -> usize {
    FRAME + name + fields.into_iter().map(|field| FRAME + field).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(size: usize) -> Found {
        let fields = Some(vec![("f".to_owned(), "x".repeat(size))]);
        Found { id: "1".to_owned(), on_roster: true, fields }
    }

    fn filled(mut page: Page, rows: impl IntoIterator<Item = usize>) -> Page {
        for size in rows {
            if page.is_full() {
                break;
            }
            page.add(60, row(size));
        }
        page
    }

    #[test]
    fn a_page_ends_with_its_rows_or_with_its_bytes() {
        assert_eq!(filled(Page::of(3), [1; 9]).found.len(), 3);
        assert_eq!(filled(Page::of(500), vec![FULL / 4; 9]).found.len(), 4);
        // Both sides of the limit: two of the one come to it, two of the other do not.
        let half = FULL / 2 - 2 * FRAME - 60 - 1;
        assert_eq!(filled(Page::of(500), [half; 9]).found.len(), 2);
        assert_eq!(filled(Page::of(500), [half - 1; 9]).found.len(), 3);
    }

    #[test]
    fn a_record_by_its_name_may_be_larger_than_one_among_others() {
        let (page, one) = (Page::of(500), Page::of_one(1));
        let most = |limit: usize| limit - 2 * FRAME - 60;
        assert!(page.holds(60, [most(AMONG_OTHERS)]) && !page.holds(60, [most(AMONG_OTHERS) + 1]));
        assert!(one.holds(60, [most(ALONE)]) && !one.holds(60, [most(ALONE) + 1]));
    }

    #[test]
    fn a_row_without_its_fields_counts_by_its_name() {
        let mut page = Page::of(2);
        page.add(60, Found { id: "1".to_owned(), on_roster: true, fields: None });
        assert_eq!(page.bytes(), FRAME + 60);
        assert!(!page.is_full());
    }
}
