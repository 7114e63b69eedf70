//! `greffier read`: reads as a provider, with the reference client.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::call::{CallError, Who, block_on};
use super::print;
use super::token::made;
use crate::client::token::TokenSource;
use crate::client::{Client, ReadRequest, Reply};
use crate::files;
use crate::proto::{
    Context, ExportRecordsRequest, ExportRecordsResponse, GetReceiptRequest, Record, View,
};

/// Read records through a gateway, as a provider
///
/// It calls a running gateway over gRPC and mutual TLS as any provider does. Every
/// read states a purpose and a case reference, and leaves an entry in the ledger.
///
/// Examples, on an instance of `greffier init --dev here`:
///   greffier read --instance here --as provider-02 list --page-size 5
///   greffier read --instance here --as provider-02 --receipt r.txt \
///     get datasets/cir/records/HANDLE
///   greffier read --instance here --as provider-02 --agent alice list
///   greffier read --instance here --as provider-01 --off-roster-reason REASON \
///     search case_number id=CIR-0000042
///
/// Exit codes: 0 read, 1 refused (the reason says why), 2 not reached.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    #[command(flatten)]
    who: Who,
    /// The agent's token, in this file; by default in the variable GREFFIER_TOKEN
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// With --instance: the agent for whom a token is made, by default called as the certificate's
    /// file
    #[arg(long, value_name = "NAME", requires = "instance", conflicts_with = "token",
        value_parser = super::token::agent)]
    agent: Option<String>,
    /// Why: a purpose of the policy; with --instance, course_delivery if you name none
    #[arg(long, global = true)]
    purpose: Option<String>,
    /// Your own reference of the case; with --instance, TEST-1 if you name none
    #[arg(long, global = true, value_name = "REFERENCE")]
    case: Option<String>,
    /// Name of the view, that is which fields
    #[arg(long, global = true, value_enum, default_value = "basic")]
    view: ViewName,
    /// In open scope: why persons off the roster may be met
    #[arg(
        long,
        global = true,
        value_name = "REASON",
        default_value = "",
        hide_default_value = true
    )]
    off_roster_reason: String,
    /// A UUID of your choice for this request
    #[arg(long, global = true, value_name = "UUID", default_value = "", hide_default_value = true)]
    request_id: String,
    /// Write the receipt of the read, an offline proof, to this file; of an export one for each
    /// page, to FILE.ENTRY
    #[arg(long, global = true, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Write the checkpoint of the reply to this file: an anchor for `greffier verify`
    #[arg(long, global = true, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Print JSON instead of lines of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: ReadCommand,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ViewName {
    Basic,
    Contact,
    Full,
}

#[derive(Subcommand, Debug)]
enum ReadCommand {
    /// One record by its name
    Get {
        /// The record's name, datasets/DATASET/records/HANDLE
        name: String,
    },
    /// A page of your roster; of the dataset, in open scope with a reason
    List {
        /// Name of the dataset, as in the policy
        #[arg(long, default_value = "cir")]
        dataset: String,
        /// How many records at most, 1 to 500
        #[arg(long, default_value_t = 10)]
        page_size: i32,
        /// Token that was printed with the page before
        #[arg(long, default_value = "")]
        page_token: String,
    },
    /// Your roster, page after page, under an approved job
    ///
    /// Purpose and view are those of the job. With --json each page is a line. If it breaks off, go
    /// on with the token that was printed last; a page that is sent again counts again.
    Export {
        /// Number of the job: the entry of the act that declared it
        job: u64,
        /// Name of the dataset, as in the policy
        #[arg(long, default_value = "cir")]
        dataset: String,
        /// 1 to 500 records a page
        #[arg(long, default_value_t = 500)]
        page_size: i32,
        /// From the last page that you received
        #[arg(long, default_value = "")]
        page_token: String,
    },
    /// Records by the values of a search, names in any spelling
    Search {
        /// A search of the dataset, as in policy.toml
        search: String,
        /// FIELD=VALUE, one for each field of the search
        #[arg(required = true, value_parser = pair)]
        values: Vec<(String, String)>,
        /// Name of the dataset, as in the policy
        #[arg(long, default_value = "cir")]
        dataset: String,
        /// How many records at most, 1 to 500
        #[arg(long, default_value_t = 10)]
        page_size: i32,
        /// Token that was printed with the page before
        #[arg(long, default_value = "")]
        page_token: String,
    },
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write FIELD=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn run(args: &Args) -> ExitCode {
    match read(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.told(args.json),
    }
}

fn read(args: &Args) -> Result<(), CallError> {
    let mut settings = args.who.settings("provider-01")?;
    settings.token = token(args, &settings.certificate)?;
    block_on(async {
        let mut client = Client::connect(&settings).await?;
        let query = match &args.what {
            ReadCommand::Get { name } => ReadRequest::Get { name: name.clone() },
            ReadCommand::List { dataset, page_size, page_token } => ReadRequest::List {
                parent: parent(dataset),
                page_size: *page_size,
                page_token: page_token.clone(),
            },
            ReadCommand::Search { search, values, dataset, page_size, page_token } => {
                ReadRequest::Search {
                    parent: parent(dataset),
                    search: search.clone(),
                    values: values.clone(),
                    page_size: *page_size,
                    page_token: page_token.clone(),
                }
            }
            ReadCommand::Export { job, dataset, page_size, page_token } => {
                let request = ExportRecordsRequest {
                    parent: parent(dataset),
                    context: Some(context(args)),
                    job: *job,
                    page_size: *page_size,
                    page_token: page_token.clone(),
                };
                return export(args, &mut client, request).await;
            }
        };
        let reply = client.read(query, context(args)).await?;
        told(args, &mut client, args.receipt.as_deref(), &reply).await
    })
}

async fn export(
    args: &Args,
    client: &mut Client,
    request: ExportRecordsRequest,
) -> Result<(), CallError> {
    let mut pages = client.export(request).await?;
    while let Some(page) = pages.message().await? {
        let ExportRecordsResponse { records, next_page_token, proof } = page;
        let reply = Reply { records, next_page_token, proof: proof.unwrap_or_default() };
        // Each page has a receipt of its own.
        let receipt = args.receipt.as_deref().map(|path| {
            let mut path = path.as_os_str().to_owned();
            path.push(format!(".{}", reply.proof.entry));
            PathBuf::from(path)
        });
        told(args, client, receipt.as_deref(), &reply).await?;
    }
    Ok(())
}

/// Prints a reply, and keeps what proves it.
async fn told(
    args: &Args,
    client: &mut Client,
    receipt: Option<&Path>,
    reply: &Reply,
) -> Result<(), CallError> {
    if let Some(path) = receipt {
        let entry = reply.proof.entry;
        let receipt = client.ledger.get_receipt(GetReceiptRequest { entry }).await?;
        write(path, &receipt.into_inner().receipt)?;
    }
    if let Some(path) = &args.checkpoint {
        write(path, &reply.proof.checkpoint)?;
    }
    if args.json {
        print(as_json(reply))
    } else {
        print(in_words(reply))
    }
    Ok(())
}

/// Given, or made by a development instance. Without one, the gateway says whether it needs one.
fn token(args: &Args, certificate: &Path) -> Result<Option<TokenSource>, CallError> {
    if let Some(path) = &args.token {
        let text = files::read_input(path, files::SMALL).map_err(CallError::file(path))?;
        return Ok(Some(TokenSource::fixed(&text)));
    }
    match (std::env::var("GREFFIER_TOKEN"), args.who.instance()) {
        (Ok(text), _) if args.agent.is_none() => Ok(Some(TokenSource::fixed(&text))),
        (_, Some(layout)) => Ok(Some(made(&layout, certificate, args.agent.as_deref()))),
        (_, None) => Ok(None),
    }
}

fn write(path: &Path, text: &str) -> Result<(), CallError> {
    files::replace(path, text).map_err(CallError::file(path))
}

fn parent(dataset: &str) -> String {
    format!("datasets/{dataset}")
}

/// Why the read is made, and for which case.
fn context(args: &Args) -> Context {
    let view = match args.view {
        ViewName::Basic => View::Basic,
        ViewName::Contact => View::Contact,
        ViewName::Full => View::Full,
    };
    // A reason that nobody stated has no place in evidence, unless all of it is synthetic.
    let stated = |given: &Option<String>, synthetic: &str| {
        let synthetic = args.who.instance().map(|_| synthetic.to_owned());
        given.clone().or(synthetic).unwrap_or_default()
    };
    Context {
        purpose: stated(&args.purpose, "course_delivery"),
        case_reference: stated(&args.case, "TEST-1"),
        view: view.into(),
        off_roster_reason: args.off_roster_reason.clone(),
        request_id: args.request_id.clone(),
    }
}

fn in_words(reply: &Reply) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for record in &reply.records {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", record.name);
        for field in &record.fields {
            let _ = writeln!(text, "  {:16} {}", field.name, field.value);
        }
        if record.fields_left_out {
            let _ = writeln!(text, "  (too large for a page: get it by its name)");
        }
    }
    let records = reply.records.len();
    let _ = write!(text, "{records} record(s), entry {}", reply.proof.entry);
    if !reply.next_page_token.is_empty() {
        let _ = write!(text, "\nnext page: --page-token {}", reply.next_page_token);
    }
    text
}

fn as_json(reply: &Reply) -> Value {
    use base64::Engine as _;
    let record = |record: &Record| {
        let fields: serde_json::Map<String, Value> =
            record.fields.iter().map(|f| (f.name.clone(), json!(f.value))).collect();
        json!({"name": record.name, "fields": fields, "fields_left_out": record.fields_left_out})
    };
    let salt = base64::engine::general_purpose::STANDARD.encode(&reply.proof.salt);
    json!({
        "records": reply.records.iter().map(record).collect::<Vec<_>>(),
        "next_page_token": reply.next_page_token,
        "entry": reply.proof.entry,
        "checkpoint": reply.proof.checkpoint,
        "salt": salt,
    })
}
