//! The policy as the door reads it. `config` fills it in; this file only says what there is.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::{CaseForm, Habits, Handles, Keyring, Role, Word};

/// The policy in force, shared as one `Arc`: one read never mixes two policies.
pub struct Terms {
    /// Ledger entry number of the policy's head.
    pub head: u64,
    /// The trust domain that the URI of every client certificate begins with.
    pub trust_domain: Word,
    /// Whom a caller who is contained may call.
    pub contact: Option<Word>,
    /// SHA-256 fingerprints of certificates that are good no more.
    pub revoked: HashSet<[u8; 32]>,
    /// The datasets that can be read, by name.
    pub datasets: BTreeMap<Word, Dataset>,
    /// What the fields of a read weigh.
    pub weights: Weights,
    /// The providers that can read them, by id.
    pub providers: BTreeMap<Word, Provider>,
    /// Ids known in each of the other roles.
    pub staff: BTreeMap<Role, BTreeSet<Word>>,
    /// The handle keys of the providers.
    pub handles: Handles,
    /// Who vouches for agents, with their keys.
    pub keyring: Keyring,
}

/// One kind of record: where it lies, and what of it may be seen, asked and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Name of the table that holds the records.
    pub table: Word,
    /// Column that tells the records apart; never a field.
    pub id_column: Word,
    /// Table of the assignments: columns `provider` and `id`.
    pub roster_table: Word,
    /// The fields of a record, in the order of the policy file.
    pub fields: Vec<Field>,
    /// Names of the fields in each view.
    pub views: BTreeMap<Word, Vec<Word>>,
    /// The searches that there are; there is no other way to search.
    pub searches: Vec<Search>,
    /// The purposes that there are; there is no other reason to read.
    pub purposes: BTreeMap<Word, Purpose>,
    /// The only reasons to meet persons off the roster.
    pub off_roster_reasons: Vec<Word>,
}

impl Dataset {
    /// The column behind a name that a view or a search uses: a field's, or the id column.
    pub fn column(&self, name: &str) -> Option<&Word> {
        let field = self.fields.iter().find(|field| &*field.name == name);
        field.map(|f| &f.column).or_else(|| (&*self.id_column == name).then_some(&self.id_column))
    }

    /// The class of the field with this name; none if there is no such field.
    pub fn class(&self, name: &str) -> Option<FieldClass> {
        self.fields.iter().find(|field| &*field.name == name).map(|field| field.class)
    }

    /// The search with this name; none if there is no such search.
    pub fn search(&self, name: &str) -> Option<&Search> {
        self.searches.iter().find(|search| &*search.name == name)
    }
}

/// One field of a record, its column and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name of the field, as views, searches and replies call it.
    pub name: Word,
    /// Name of the column, as the table calls it.
    pub column: Word,
    /// How much it tells about a person.
    pub class: FieldClass,
}

/// How much a field tells about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldClass {
    /// The field says who somebody is.
    Identity,
    /// The field says how to reach somebody.
    Contact,
    /// The field says how far somebody has come, such as the hours of a course.
    Status,
    /// What can be held against them.
    Sensitive,
}

impl FieldClass {
    /// The words of the policy file.
    pub const WORDS: [&str; 4] = ["identity", "contact", "status", "sensitive"];

    /// The word of the class in the policy file.
    pub fn word(self) -> &'static str {
        match self {
            FieldClass::Identity => "identity",
            FieldClass::Contact => "contact",
            FieldClass::Status => "status",
            FieldClass::Sensitive => "sensitive",
        }
    }
}

/// What one value of each class adds to the weight of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Weight of a field of [`FieldClass::Identity`].
    pub identity: u64,
    /// Weight of a field of [`FieldClass::Contact`].
    pub contact: u64,
    /// Weight of a field of [`FieldClass::Status`].
    pub status: u64,
    /// Weight of a field of [`FieldClass::Sensitive`].
    pub sensitive: u64,
}

impl Default for Weights {
    fn default() -> Weights {
        Weights { identity: 10, contact: 10, status: 1, sensitive: 50 }
    }
}

impl Weights {
    /// What one value of a class adds.
    pub fn of(&self, class: FieldClass) -> u64 {
        match class {
            FieldClass::Identity => self.identity,
            FieldClass::Contact => self.contact,
            FieldClass::Status => self.status,
            FieldClass::Sensitive => self.sensitive,
        }
    }
}

impl FromStr for FieldClass {
    type Err = ();

    fn from_str(text: &str) -> Result<FieldClass, ()> {
        match text {
            "identity" => Ok(FieldClass::Identity),
            "contact" => Ok(FieldClass::Contact),
            "status" => Ok(FieldClass::Status),
            "sensitive" => Ok(FieldClass::Sensitive),
            _ => Err(()),
        }
    }
}

/// A search by values for all of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Name of the search, as requests call it.
    pub name: Word,
    /// The keys that must match, at least one.
    pub keys: Vec<SearchKey>,
}

impl Search {
    /// What a request gives values for: each field once.
    pub fn fields(&self) -> impl Iterator<Item = (&Word, &SearchKey)> {
        self.keys.iter().flat_map(|key| key.fields().iter().map(move |field| (field, key)))
    }
}

/// One thing that a search compares. Fields are names that [`Dataset::column`] knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// A field, with the value as it is recorded.
    Exact(Word),
    /// A field of dates, recorded as ISO 8601 has them.
    Date(Word),
    /// A name, in any of its spellings.
    Name {
        /// The fields that it stands in.
        of: Vec<Word>,
        /// The column that holds the key of these fields together; never a field.
        column: Word,
    },
}

impl fmt::Display for SearchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SearchKey::Exact(field) => f.write_str(field),
            SearchKey::Date(field) => write!(f, "{field} as a date"),
            SearchKey::Name { of, column } => {
                write!(f, "the name in {} ({column})", of.join(" and "))
            }
        }
    }
}

impl SearchKey {
    /// Name of the key, as the ledger calls it.
    pub fn name(&self) -> &Word {
        match self {
            SearchKey::Exact(field) | SearchKey::Date(field) => field,
            SearchKey::Name { column, .. } => column,
        }
    }

    /// The fields whose values it takes.
    pub fn fields(&self) -> &[Word] {
        match self {
            SearchKey::Exact(field) | SearchKey::Date(field) => std::slice::from_ref(field),
            SearchKey::Name { of, .. } => of,
        }
    }
}

/// What a purpose may see, and which cases it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Names of the views that the purpose may use.
    pub views: Vec<Word>,
    /// The form of its case references; none: any reference.
    pub case_reference: Option<CaseForm>,
}

/// A provider: a subcontractor whose agents read records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Id of the provider, as its certificates have it.
    pub id: Word,
    /// What it may read of each dataset, by name.
    pub datasets: BTreeMap<Word, Grant>,
    /// How often all its agents together may call.
    pub rate: Rate,
    /// How often each of them may; none: as often as all together.
    pub agent_rate: Option<Rate>,
    /// Who says which of them calls.
    pub voucher: AgentAuth,
    /// Whom the agency calls at the provider; none if the policy does not say.
    pub contact: Option<Word>,
    /// When it works; none: at any time.
    pub habits: Option<Habits>,
}

/// Who says which person of a provider calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentAuth {
    /// The client certificate stands in for the person; no token is looked at.
    Certificate,
    /// A token vouches for the person, as these requirements have it.
    Token(TokenRequirements),
}

/// What a provider's tokens must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequirements {
    /// Name of the issuer in the policy.
    pub issuer: Word,
    /// Whether the log-in must show a second factor.
    pub second_factor: bool,
    /// How long ago the agent may have logged in, in seconds.
    pub auth_max_age: u64,
}

/// An issuer of tokens, who vouches for agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// What the claim `iss` of its tokens holds.
    pub url: String,
    /// What `aud` of a token for this gateway holds.
    pub audience: String,
    /// The file of its public keys.
    pub keys: PathBuf,
    /// The algorithms that it may sign with.
    pub algorithms: Vec<Algorithm>,
    /// How long a token may be good, from `iat` to `exp`, in seconds.
    pub max_lifetime: u64,
    /// Who runs the issuer, and so whose word its tokens are.
    pub run_by: RunBy,
}

/// A signature algorithm of RFC 7518 and RFC 8037. There is no other: no `none`, and nothing whose
/// key both sides have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// EdDSA with the curve Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA with P-256 and SHA-256 (RFC 7518).
    Es256,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// All algorithms, in the order of the enum.
    pub const ALL: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];

    /// The word in headers, key sets and the policy.
    pub fn word(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Es256 => "ES256",
            Algorithm::Rs256 => "RS256",
        }
    }
}

impl FromStr for Algorithm {
    type Err = ();

    fn from_str(text: &str) -> Result<Algorithm, ()> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.word() == text).ok_or(())
    }
}

/// Who runs an issuer: a provider's own vouches for its own people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunBy {
    /// The agency, or somebody for it.
    Agency,
    /// The provider runs the issuer itself.
    Provider,
}

impl RunBy {
    /// The words of the policy file.
    pub const WORDS: [&str; 2] = ["agency", "provider"];

    /// The word of the policy file for this.
    pub fn word(self) -> &'static str {
        match self {
            RunBy::Agency => "agency",
            RunBy::Provider => "provider",
        }
    }
}

impl FromStr for RunBy {
    type Err = ();

    fn from_str(text: &str) -> Result<RunBy, ()> {
        match text {
            "agency" => Ok(RunBy::Agency),
            "provider" => Ok(RunBy::Provider),
            _ => Err(()),
        }
    }
}

/// How often calls may come, as a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls a second in the long run; at least 1.
    pub requests_per_second: u32,
    /// Calls at once; at least 1.
    pub burst: u32,
}

/// What one provider may do with one dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which persons the provider may meet.
    pub scope: Scope,
    /// Names of the purposes that it may read for.
    pub purposes: Vec<Word>,
}

/// Which persons a provider may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Only those on its roster; nobody else exists.
    Roster,
    /// Others too, where the call states a reason.
    Open,
}

impl Scope {
    /// The words of the policy file.
    pub const WORDS: [&str; 2] = ["roster", "open"];

    /// The word of the scope in the policy file.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Roster => "roster",
            Scope::Open => "open",
        }
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Scope, ()> {
        match text {
            "roster" => Ok(Scope::Roster),
            "open" => Ok(Scope::Open),
            _ => Err(()),
        }
    }
}
