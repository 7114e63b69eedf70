//! The sentences about alerts, warnings and acts in French.

use super::{AlertTopic, Span, command, day_and_time, lifts, signers, subject, weight};
use crate::format::entry::{
    Act, Alert, CertificateOf, Deed, EntryBudget, JobTerms, Level, Matter, Measure, Millis,
    OwnedKey, ProviderAgent, SecurityDeed, Severity, Warning, Whom,
};

pub(super) fn alert(seq: u64, alert: &Alert) -> String {
    let severity = match alert.severity {
        Severity::Info => "information",
        Severity::Medium => "moyenne",
        Severity::High => "grave",
        Severity::Critical => "critique",
    };
    let who = match alert.level {
        Level::Agent => format!("l’agent {} de {}", alert.agent, alert.provider),
        Level::Provider => format!("{}, tous agents confondus,", alert.provider),
    };
    format!(
        "Alerte {seq} ({severity}, incident {}) : {who} {}. {}. {}.",
        alert.incident,
        found(alert),
        disclosed(alert),
        contained(alert),
    )
}

/// `aucune personne`, `1 personne`, `2 personnes`.
fn persons(n: u64) -> String {
    match n {
        0 => "aucune personne".to_owned(),
        1 => "1 personne".to_owned(),
        n => format!("{n} personnes"),
    }
}

/// Says which rule found something, observed against expected.
fn found(alert: &Alert) -> String {
    let &Alert { observed, expected, off, .. } = alert;
    let (span, only_off) = match subject(alert.rule) {
        AlertTopic::Budget(span, only_off) => (span, only_off),
        AlertTopic::Job => {
            return format!(
                "a demandé un export que son opération ne couvre pas : jusqu’à {}, avec d’autres champs ou \
                 pour une autre finalité que ceux de l’opération",
                persons(observed)
            );
        }
        AlertTopic::Roster => {
            return format!(
                "sort de sa liste plus que des erreurs ne l’expliquent : {} hors liste {} ce jour, \
                 suspicion {} pour une limite de {}",
                persons(off),
                if off > 1 { "communiquées" } else { "communiquée" },
                weight(observed, ','),
                weight(expected, ','),
            );
        }
        AlertTopic::Contract(only_off) => {
            let off = if only_off { " hors liste" } else { "" };
            return match alert.severity {
                Severity::Info if observed <= expected => format!(
                    "consomme son marché plus vite que le temps ne passe : {observed} sur {}{off} à ce jour",
                    persons(expected)
                ),
                Severity::Info => format!(
                    "a demandé jusqu’à {}{off} au-delà de son marché, refus : il en restait {expected}, ou ce \
                     n’en est pas le temps",
                    persons(observed)
                ),
                _ => format!("a épuisé son marché : {}{off}", persons(expected)),
            };
        }
        AlertTopic::Strangers => {
            return format!(
                "sort de sa liste jour après jour, plus qu’à son habitude : {} hors liste {} ce jour, {} \
                 de trop au fil des jours pour une limite de {}",
                persons(off),
                if off > 1 { "communiquées" } else { "communiquée" },
                weight(observed, ','),
                weight(expected, ','),
            );
        }
        AlertTopic::Probing => {
            return format!(
                "demande encore et encore des personnes introuvables, plus que des erreurs ne l’expliquent : \
                 suspicion {} pour une limite de {}",
                weight(observed, ','),
                weight(expected, ','),
            );
        }
        AlertTopic::Pace => {
            return format!(
                "reçoit bien plus de personnes que d’habitude : {} {} ce jour, {} fois son nombre habituel, en \
                 cette heure ou sur trois jours ensemble, pour une limite de {}",
                persons(alert.persons),
                if alert.persons > 1 { "communiquées" } else { "communiquée" },
                weight(observed, ','),
                weight(expected, ','),
            );
        }
        AlertTopic::Creep => {
            return format!(
                "reçoit plus de personnes que d’habitude, jour après jour : {} {} ce jour, {} fois son jour \
                 habituel de trop au fil des jours pour une limite de {}",
                persons(alert.persons),
                if alert.persons > 1 { "communiquées" } else { "communiquée" },
                weight(observed, ','),
                weight(expected, ','),
            );
        }
        AlertTopic::FirstTouch => {
            return format!(
                "reçoit avec ses collègues, l’une après l’autre, des personnes que le prestataire n’a jamais \
                 vues : {} {} à cet agent ce jour, suspicion {} pour une limite de {}",
                persons(alert.persons),
                if alert.persons > 1 { "communiquées" } else { "communiquée" },
                weight(observed, ','),
                weight(expected, ','),
            );
        }
        AlertTopic::Decoy => {
            return format!(
                "a demandé {} : nul ne suit une personne qui n’existe pas",
                if observed > 1 { format!("{observed} leurres") } else { "un leurre".to_owned() }
            );
        }
        AlertTopic::Signs => {
            return format!(
                "donne de petits signes de {observed} genres, chacun sous sa propre limite ; {expected} en ce \
                 temps sont de trop"
            );
        }
    };
    let off = if only_off { " hors liste" } else { "" };
    let span = match span {
        Span::Minute => "une minute",
        Span::Hour => "une heure",
        Span::Day => "un jour",
        Span::Days30 => "30 jours",
    };
    if alert.severity == Severity::Info && observed <= expected {
        return format!(
            "a dépassé la moitié de son budget : {observed} sur {}{off} en {span}",
            persons(expected)
        );
    }
    if alert.severity == Severity::Info {
        let could = if observed > 1 { "jusqu’à " } else { "" };
        let left = match expected {
            0 => "il ne restait aucune personne".to_owned(),
            left => format!("il restait {}", persons(left)),
        };
        return format!(
            "a demandé {could}{}{off} et a essuyé un refus : {left} à son budget pour {span}",
            persons(observed),
        );
    }
    format!("a épuisé son budget : {}{off} en {span}", persons(expected))
}

/// How many persons, since when, in which entries.
fn disclosed(alert: &Alert) -> String {
    let (day, time) = day_and_time(alert.since);
    let entries = match (alert.first, alert.last) {
        (first, last) if first == last => format!("à l’entrée {first}"),
        (first, last) => format!("aux entrées {first} à {last}"),
    };
    let were = match alert.persons {
        0 => "ne lui a été communiquée",
        1 => "lui a été communiquée",
        _ => "lui ont été communiquées",
    };
    let off = match (alert.off, alert.persons) {
        (0, _) => String::new(),
        (1, 1) => ", qui est hors liste".to_owned(),
        (off, persons) if off == persons => ", toutes hors liste".to_owned(),
        (off, _) => format!(", dont {off} hors liste"),
    };
    let persons = persons(alert.persons);
    format!("Le {day} à partir de {time} UTC, {entries}, {persons} {were}{off}")
}

/// What was contained, and what clears it.
fn contained(alert: &Alert) -> String {
    if alert.measures.is_empty() {
        return "Aucun accès n’est restreint par cette alerte".to_owned();
    }
    let measure = |measure: &Measure| match measure {
        Measure::Throttle => {
            "l’agent reçoit une nouvelle personne toutes les dix secondes, de sa liste seulement"
        }
        Measure::Freeze => "l’agent ne reçoit que les dossiers qu’il a déjà reçus ce jour",
        Measure::SuspendAgent => "l’agent ne reçoit plus rien",
        Measure::CloseOffRoster => "le prestataire ne reçoit que sa liste",
        Measure::CloseExports => "le prestataire n’a plus d’export",
        Measure::SuspendProvider => "le prestataire ne reçoit plus rien",
    };
    let measures: Vec<&str> = alert.measures.iter().map(measure).collect();
    let end = alert.until.map_or_else(String::new, |until| {
        let (day, time) = day_and_time(until);
        format!("le {day} à {time} UTC, ou ")
    });
    let who = match alert.severity {
        Severity::Critical => "deux administrateurs la lèvent",
        _ => "un administrateur la lève",
    };
    format!(
        "Restriction : {}. Elle prend fin {end}quand {who} : {}",
        measures.join(" ; "),
        lifts(alert).join(" et ")
    )
}

/// The time in UTC, as in `2026-11-26 à 07:00:00`.
fn moment(at: Millis) -> String {
    let (day, time) = day_and_time(at);
    format!("{day} à {time}")
}

pub(super) fn warning(seq: u64, warning: &Warning) -> String {
    let &Warning { observed, expected, .. } = warning;
    let what = match &warning.matter {
        Matter::Roster { provider, dataset } => format!(
            "la liste de {provider} dans {dataset} s’est accrue de {} en 30 jours, et {expected} peuvent l’être sans \
             autorisation. Ses budgets restent ce qu’ils sont ; si personne n’a connaissance de cette \
             inscription, suspendez le prestataire",
            persons(observed),
        ),
        Matter::RosterUnseen { provider, dataset } => format!(
            "la liste de {provider} dans {dataset} n’est plus la même, et la passerelle n’a pas vu qui y est entré ou \
             en est sorti (elle ne fonctionnait pas, ou n’a pu l’inscrire) : elle compte {}, dont \
             n’importe laquelle peut être nouvelle. Comparez-la aux inscriptions ; si personne n’a connaissance de ce changement, \
             suspendez le prestataire",
            persons(observed),
        ),
        Matter::Policy { .. } => {
            let faults = if observed == 1 { "1 raison" } else { &format!("{observed} raisons") };
            format!(
                "un fichier de politique n’est pas entré en vigueur, pour {faults} que donne le journal \
                 de la passerelle ; la politique précédente demeure"
            )
        }
        Matter::Keys { issuer, .. } => {
            let keys = if observed == 1 { "1 clé" } else { &format!("{observed} clés") };
            format!(
                "l’émetteur {issuer} a un autre jeu de clés, de {keys}, désormais en vigueur. S’il ne les a pas \
                 renouvelées, un tiers peut nommer qui il veut : rétablissez son fichier"
            )
        }
        Matter::Authorities { .. } if observed == 0 => {
            "le fichier des autorités qui garantissent les certificats a été modifié et n’est pas entré \
             en vigueur, pour une raison que donne le journal de la passerelle. Si personne ne devait le \
             modifier, un tiers peut y écrire"
                .to_owned()
        }
        Matter::Authorities { .. } => {
            let number = if observed == 1 { "1 autorité" } else { &format!("{observed} autorités") };
            format!(
                "d’autres autorités garantissent les certificats ({number}), désormais en vigueur. Si \
                 personne ne devait les changer, un tiers peut faire entrer qui il veut : rétablissez le \
                 fichier"
            )
        }
        Matter::Revoked => {
            "les listes de certificats révoqués sont périmées et rien ne les remplace. Ce qu’elles \
             révoquent le reste ; de ce qui l’a été depuis, rien n’est connu. Demandez à l’autorité d’en \
             publier de nouvelles"
                .to_owned()
        }
        Matter::Certificate(of) => {
            let whose = match of {
                CertificateOf::Client { role, id, .. } => format!("de {id} ({role})"),
                CertificateOf::Own { .. } => "de cette passerelle".to_owned(),
            };
            let left = match observed {
                0 => "moins d’un jour",
                1 => "1 jour",
                days => &format!("{days} jours"),
            };
            format!("le certificat {whose} expire dans {left} : renouvelez-le avant")
        }
        Matter::Wal => format!(
            "le journal du registre (WAL) occupe {} Mio, plus de {} : un autre processus lit le registre \
             sans s’arrêter. Cherchez celui qu’on a oublié (une sauvegarde bloquée, un sqlite3 ouvert) et \
             mettez-y fin : jusque-là le disque se remplit",
            observed >> 20,
            expected >> 20,
        ),
        Matter::Entries(budget) => {
            let whose = match budget {
                EntryBudget::Agent { provider, agent } => format!("l’agent {agent} de {provider}"),
                EntryBudget::Receipts { provider, certificate } => {
                    format!("{provider}, par ses reçus (le dernier avec le certificat {certificate}),")
                }
                EntryBudget::Provider { provider } => provider.to_string(),
                EntryBudget::Staff { role, id } => format!("{id} ({role})"),
            };
            format!(
                "{whose} a provoqué {observed} des {expected} entrées au registre permises par jour. \
                 Au-delà, ces appels sont refusés. Regardez ce qu’il fait : personne ne lit autant à la \
                 main"
            )
        }
        Matter::Door { provider, agent, certificate } => format!(
            "{observed} appels et connexions de {provider} {} ont été refusés en une minute, avec le certificat \
             {certificate}. S’il ne s’agit pas d’un client mal configuré, un tiers détient ce certificat{} : \
             révoquez-le dans la politique",
            match agent {
                Some(agent) => format!("sans jeton valable, ou de l’agent {agent} au-delà de sa part,"),
                None => "sans jeton valable".to_owned(),
            },
            if agent.is_some() { " et le jeton de cet agent" } else { "" },
        ),
        Matter::Clock => {
            let goes_on = if observed < expected {
                "Les entrées continuent depuis l’heure la plus tardive à mi-vitesse, jusqu’à ce que \
                 l’horloge les rattrape"
            } else {
                "Les entrées la suivent"
            };
            format!(
                "l’horloge de cette machine a été réglée, ou la machine a été mise en veille : elle est \
                 passée du {} au {} UTC, {} s {}. {goes_on} ; aucun budget n’en est rechargé. Si personne \
                 ne sait pourquoi, cherchez qui peut la régler",
                moment(expected),
                moment(observed),
                expected.abs_diff(observed) / 1_000,
                if observed < expected { "en arrière" } else { "en avant" },
            )
        }
        Matter::ClockHeld => format!(
            "l’horloge de cette machine indique le {} UTC quand les entrées en sont au {}, à {} s : trop \
             loin, ou trop instable, pour être suivie. Elles continuent au rythme du temps qui passe. Réglez l’horloge si \
             elle est fausse ; si elle est juste, redémarrez la passerelle",
            moment(observed),
            moment(expected),
            expected.abs_diff(observed) / 1_000,
        ),
    };
    format!("Avertissement {seq} : {what}.")
}

pub(super) fn act(seq: u64, act: &Act) -> String {
    let by = signers(act, " et ").map_or_else(String::new, |by| format!(" Signé par {by}."));
    let (id, reason) = act.id_and_reason();
    let (role, done) = match act {
        Act::Acknowledged(act) => ("security", seen(&act.deed)),
        Act::Signed(act) => ("admin", done(&act.statement.deed)),
    };
    format!("Acte {seq} : {id} ({role}) {done}.{by} Motif donné : « {reason} »")
}

fn seen(SecurityDeed::Acknowledge { alert }: &SecurityDeed) -> String {
    format!("a vu l’alerte {alert} ; rien n’est levé par là")
}

/// Says what was done, and to whom.
fn done(deed: &Deed) -> String {
    match deed {
        Deed::Suspend(who) => format!(
            "a suspendu {} : rien n’y est communiqué jusqu’à ce qu’un administrateur rende \
             l’accès : {}",
            whom(who),
            command("reinstate", &who.provider, who.agent)
        ),
        Deed::Reinstate(Whom { provider, agent: Some(agent) }) => {
            format!("a mis fin à toute suspension de l’agent {agent} de {provider}")
        }
        Deed::Reinstate(Whom { provider, agent: None }) => {
            format!("a mis fin à toute suspension de {provider} et de ses agents")
        }
        Deed::Lift(Whom { provider, agent }) => {
            let of_whom = match agent {
                Some(agent) => format!("de l’agent {agent} de {provider}"),
                None => format!("de {provider} dans son ensemble, et non de ses agents,"),
            };
            format!(
                "a levé toutes les restrictions {of_whom} dues aux alertes ; les détecteurs y repartent de 0"
            )
        }
        Deed::EnrolKey(OwnedKey { admin, key }) => {
            format!("a inscrit la clé personnelle {key} de {admin}")
        }
        Deed::RevokeKey(OwnedKey { admin, key }) => {
            format!("a révoqué la clé personnelle {key} de {admin} : elle ne signe plus rien")
        }
        Deed::EnrolAgent(ProviderAgent { provider, agent }) => {
            format!("a inscrit l’agent {agent} de {provider}")
        }
        Deed::DismissAgent(ProviderAgent { provider, agent }) => {
            format!("a radié l’agent {agent} de {provider}")
        }
        Deed::EnrolRoster { provider, dataset, persons: n } => format!(
            "a permis à la liste de {provider} dans {dataset} de croître de {}",
            persons(n.get())
        ),
        Deed::DeclareJob { provider, dataset, job } => declared(provider, dataset, job),
        Deed::ApproveJob { declared } => format!("a approuvé l’opération de l’entrée {declared}"),
        Deed::WithdrawJob { declared } => {
            format!("a retiré l’opération de l’entrée {declared} : plus rien ne sort à ce titre")
        }
        Deed::Loosen { digest } => {
            format!("a approuvé la politique assouplie d’empreinte {digest}")
        }
    }
}

fn whom(Whom { provider, agent }: &Whom) -> String {
    match agent {
        Some(agent) => format!("l’agent {agent} de {provider}"),
        None => format!("{provider} et tous ses agents"),
    }
}

/// What a job may take, when somebody else approves it.
fn declared(provider: &str, dataset: &str, job: &JobTerms) -> String {
    let ((from, at), (until, end)) = (day_and_time(job.from), day_and_time(job.until));
    format!(
        "a déclaré une opération de {provider} dans {dataset} : au plus {} lignes avec les champs de {} \
         pour {}, du {from} {at} au {until} {end} UTC. Elle commence quand un autre administrateur \
         l’approuve",
        job.rows, job.view, job.purpose,
    )
}
