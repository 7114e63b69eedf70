//! Frames that clients send (RFC 9113), to begin with.

const DATA: u8 = 0;
const HEADERS: u8 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A call of gRPC with a message, as headers without compression (RFC 7541, 6.2.2) and data.
fn call(stream: u32, path: &str, message: &[u8]) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-timeout", "1S"),
    ];
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let header = |(name, value): &(&str, &str)| [vec![0], text(name), text(value)].concat();
    let headers: Vec<u8> = headers.iter().flat_map(header).collect();
    let data = [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat();
    [frame(HEADERS, 4, stream, &headers), frame(DATA, 1, stream, &data)].concat()
}

/// Calls to each service, and every other kind of frame; the first byte says who sends them.
pub fn seeds() -> Vec<Vec<u8>> {
    let settings = frame(4, 0, 0, &[]);
    // Of a message: the dataset, and a context with purpose and case reference.
    let of = b"\x0a\x0cdatasets/cir\x12\x18\x0a\x11attendance_report\x12\x03C-1";
    let list = [&of[..], b"\x18\x02"].concat();
    let search = [&of[..], b"\x1a\x0bcase_number\x22\x11\x0a\x02id\x12\x0bCIR-0000042"].concat();
    let calls = [
        ("/greffier.v1.Ledger/GetCheckpoint", &[][..]),
        ("/greffier.v1.Ledger/GetReceipt", &[8, 3]),
        ("/greffier.v1.Alerts/ListAlerts", &[8, 5]),
        ("/greffier.v1.Admin/SubmitAct", b"\x0a\x02{}"),
        ("/greffier.v1.Records/GetRecord", b"\x0a\x18datasets/cir/records/abc"),
        ("/greffier.v1.Records/ListRecords", &list),
        ("/greffier.v1.Records/SearchRecords", &search),
        ("/greffier.v1.Records/ExportRecords", b"\x0a\x0cdatasets/cir\x18\x07"),
        ("/grpc.health.v1.Health/Check", &[]),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b"\x3a\x00"),
    ];
    let calls = calls.map(|(path, message)| [&settings[..], &call(1, path, message)].concat());
    let others = [
        frame(2, 0, 1, &[0, 0, 0, 0, 15]),
        frame(3, 0, 1, &[0, 0, 0, 8]),
        frame(4, 0, 0, &[0, 4, 0, 0, 255, 255, 0, 5, 0, 0, 64, 0]),
        frame(6, 0, 0, &[7; 8]),
        frame(7, 0, 0, &[0; 8]),
        frame(8, 0, 0, &[0, 0, 1, 0]),
        frame(9, 4, 1, &[0x82]),
    ];
    let together = [&settings[..], &others.concat(), &calls[0][settings.len()..]].concat();
    let all = calls.into_iter().chain(others).chain([together]);
    all.flat_map(|frames| [0, 1].map(|who| [&[who][..], &frames].concat())).collect()
}
