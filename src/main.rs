//! The `pgseal` binary.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Parser, Subcommand};
use pgseal::app::{self, Problem};
use pgseal::config::{self, Config};
use pgseal::net::lease;
use pgseal::{keyring, ops};

/// EX_USAGE of sysexits.h: a configuration that cannot be used.
const BAD_CONFIG: u8 = 64;
/// `lint` found nothing to refuse, and something that nobody can judge.
const NOT_JUDGED: u8 = 3;

/// A PostgreSQL proxy that seals the columns you name, under each tenant's own key.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The configuration file; without it `pgseal.toml`, if there is one, and the environment.
    #[arg(long, global = true, env = "PGSEAL_CONFIG")]
    config: Option<PathBuf>,
    /// The database that the command is for, where rules name several; the keyring's if left out.
    #[arg(long, global = true)]
    database: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the proxy.
    Run,
    /// Prints the DDL of the keyring.
    Schema,
    /// Applies the rules to the live schema and says what does not fit, and what else in the schema works on sealed
    /// columns or breaks what they are for. Exits with 1 if something does.
    Check {
        /// Exits with 1 if something may, too.
        #[arg(long)]
        deny_warnings: bool,
    },
    /// Says what would be sealed, opened or refused in a statement. Exits with 1 if it would be refused.
    Explain {
        /// The statement.
        sql: String,
    },
    /// Says of every statement of an SQL file or server log what would happen to it, and sums up. Exits with 1 if any
    /// would be refused, with 3 if one cannot be judged or none was found.
    #[command(group(ArgGroup::new("statements").required(true).args(["file", "pg_stat_statements"])))]
    Lint {
        /// The file; `-` is standard input.
        file: Option<PathBuf>,
        /// What the file is, where that is not plain from how it begins.
        #[arg(long, value_enum, conflicts_with = "pg_stat_statements")]
        format: Option<ops::lint::Format>,
        /// The statements that the database itself remembers in pg_stat_statements.
        #[arg(long)]
        pg_stat_statements: bool,
    },
    /// Prints DDL for constraints that keep plaintext out of the sealed columns whatever path it takes.
    Fence,
    /// Prints the event triggers by which DDL past pgseal waits until every pgseal knows of it.
    Lease,
    /// Registers, shows, rekeys, closes, opens and forgets tenants.
    Tenant {
        /// JSON lines instead of a table.
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        command: ops::TenantCommand,
    },
    /// Lists and rotates data keys.
    Key {
        /// JSON lines instead of a table.
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        command: ops::KeyCommand,
    },
    /// Seals a table's values anew: by the newest keys, and searchable or not as the rule says now. Exits with 1 while some
    /// are left.
    Rotate(TableWork),
    /// Seals the plaintext that stands in a table's protected columns from before they were. Exits with 1 while some is left.
    Seal(TableWork),
    /// Turns the sealed values of a table's columns back into plaintext, where their rule says `state = "unsealing"`. Exits
    /// with 1 while some are left.
    Unseal {
        #[command(flatten)]
        work: TableWork,
        /// The table once more, as it was given; otherwise it is asked for.
        #[arg(long)]
        confirm: Option<String>,
    },
    /// Opens all values of a table's protected columns. Exits with 1 if one cannot be opened.
    Verify(TableWork),
    /// Prints the key policy that a KMS key's owner attaches to it.
    Policy {
        /// The KMS key.
        key_arn: String,
        /// The role that pgseal runs as.
        #[arg(long)]
        principal: String,
        /// The tenant that the key is for.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Asks a running proxy whether it answers.
    Healthcheck {
        /// Where it listens, as in the setting `listen`; as the configuration says if left out.
        address: Option<String>,
    },
}

/// What a command does with a table.
#[derive(clap::Args)]
struct TableWork {
    /// The table, as the rule names it.
    table: String,
    /// Only counts what is to be done.
    #[arg(long)]
    dry_run: bool,
    /// At most so many values a second; 0 for no limit.
    #[arg(long, default_value_t = 0)]
    rows_per_second: u32,
    /// JSON lines instead of a table.
    #[arg(long)]
    json: bool,
}

impl TableWork {
    fn wanted(&self, task: ops::Task) -> ops::Wanted<'_> {
        ops::Wanted {
            task,
            table: &self.table,
            dry_run: self.dry_run,
            pace: self.rows_per_second,
            as_json: self.json,
            confirmed: None,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(problem) = begin_log() {
        return done(Err(problem));
    }
    if let Command::Schema = cli.command {
        print!("{}", keyring::DDL);
        return ExitCode::SUCCESS;
    }
    if let Command::Lease = cli.command {
        print!("{}", lease::DDL);
        return ExitCode::SUCCESS;
    }
    if let Command::Policy {
        key_arn,
        principal,
        tenant,
    } = &cli.command
    {
        let policy = ops::policy(key_arn, principal, tenant.as_deref());
        return done(policy.map(|policy| println!("{policy:#}")));
    }
    let default = PathBuf::from("pgseal.toml");
    let path = cli.config.or_else(|| default.is_file().then_some(default));
    if let Command::Healthcheck { address } = &cli.command {
        return done(healthcheck(address.as_deref(), path.as_deref()));
    }
    let read = move || {
        let config = config::environment().and_then(|env| Config::load(path.as_deref(), &env));
        config.map_err(|error| Problem::Configuration(error.to_string()))
    };
    let mut config = match read() {
        Ok(config) => config,
        Err(problem) => return done(Err(problem)),
    };
    config.database = cli.database;
    if let Err(problem) = app::read_rules(&config) {
        return done(Err(problem));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return done(Err(error.to_string())),
    };
    runtime.block_on(async {
        match cli.command {
            Command::Run => {
                app::keep_memory_private();
                app::allow_many_sessions();
                done(app::run(config, read, stopped()).await)
            }
            Command::Check { deny_warnings } => check(&config, deny_warnings).await,
            Command::Explain { sql } => explain(&config, &sql).await,
            Command::Lint { file, format, .. } => lint(&config, file, format).await,
            Command::Fence => done(
                app::planner(&config)
                    .await
                    .map(|planner| print!("{}", ops::fence(&planner))),
            ),
            Command::Tenant { json, command } => done(tenant(&config, command, json).await),
            Command::Rotate(work) => on_table(&config, &work.wanted(ops::Task::Rotate)).await,
            Command::Seal(work) => on_table(&config, &work.wanted(ops::Task::Seal)).await,
            Command::Verify(work) => on_table(&config, &work.wanted(ops::Task::Verify)).await,
            Command::Unseal { work, confirm } => {
                let wanted = ops::Wanted {
                    confirmed: confirm.as_deref(),
                    ..work.wanted(ops::Task::Unseal)
                };
                on_table(&config, &wanted).await
            }
            Command::Key { json, command } => done(key(&config, command, json).await),
            Command::Schema
            | Command::Lease
            | Command::Healthcheck { .. }
            | Command::Policy { .. } => ExitCode::SUCCESS,
        }
    })
}

/// The log on standard error, as `PGSEAL_LOG` filters it; in colour for people only.
fn begin_log() -> Result<(), Problem> {
    let said = std::env::var_os("PGSEAL_LOG").filter(|said| !said.is_empty());
    let said = said.unwrap_or_else(|| "info".into());
    let said = said.to_string_lossy();
    let filter = tracing_subscriber::EnvFilter::builder().parse(&said);
    let filter = filter.map_err(|cause| {
        Problem::Configuration(format!(
            "PGSEAL_LOG: \"{said}\": {cause}: say error, warn, info, debug or trace, for a part too, such as info,pgseal::net=trace"
        ))
    })?;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|said| !said.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(!plain && std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

/// Asks at the address, or wherever the configuration says that clients connect.
fn healthcheck(address: Option<&str>, path: Option<&Path>) -> Result<(), Problem> {
    let listen = match address {
        Some(address) => config::listen_at(address)?,
        None => config::environment()
            .and_then(|env| Config::listeners(path, &env))
            .map_err(|error| Problem::Configuration(error.to_string()))?,
    };
    listen.iter().try_for_each(ops::healthcheck)?;
    Ok(())
}

async fn tenant(config: &Config, command: ops::TenantCommand, json: bool) -> Result<(), Problem> {
    let (mut client, kms) = app::administration(config).await?;
    let protection = if command.reads_tables() {
        Some(app::protection(config).await?)
    } else {
        None
    };
    let said = ops::tenant(
        &mut client,
        kms.as_ref(),
        command,
        protection.as_ref(),
        json,
    );
    println!("{}", said.await?);
    Ok(())
}

/// Works on a table's values and prints what became of them.
async fn on_table(config: &Config, wanted: &ops::Wanted<'_>) -> ExitCode {
    done(worked(config, wanted).await)
}

async fn worked(config: &Config, wanted: &ops::Wanted<'_>) -> Result<(), Problem> {
    let ((mut reader, writer), keyring, protection) = app::rotation(config).await?;
    let clients = (&mut reader, &writer);
    let (text, done) = ops::work(clients, &keyring, &protection, wanted).await?;
    println!("{text}");
    match done {
        true => Ok(()),
        false => Err(format!("some values of {} are left", wanted.table).into()),
    }
}

async fn key(config: &Config, command: ops::KeyCommand, json: bool) -> Result<(), Problem> {
    if command.parts_equals() {
        let compared = app::compared_columns(config)?;
        if !compared.is_empty() {
            return Err(format!(
                "values of {} are compared: say state = \"rotating\" in their rules and reload every pgseal first",
                compared.join(", ")
            )
            .into());
        }
    }
    let (client, kms) = app::administration(config).await?;
    let mut say = |line: String| println!("{line}");
    let seal_for = config.habits.seal_for;
    ops::key(&client, kms.as_ref(), command, seal_for, json, &mut say).await?;
    Ok(())
}

async fn check(config: &Config, deny_warnings: bool) -> ExitCode {
    let checked = match app::check(config).await {
        Ok(checked) => checked,
        Err(error) => return done(Err(error)),
    };
    print!("{}", checked.report);
    for problem in &checked.unchecked {
        eprintln!("pgseal: {problem}");
    }
    if checked.misfit {
        return ExitCode::from(BAD_CONFIG);
    }
    let broken = checked.errors > 0 || !checked.unchecked.is_empty();
    match broken || deny_warnings && checked.warnings > 0 {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

async fn explain(config: &Config, sql: &str) -> ExitCode {
    let planner = match app::planner(config).await {
        Ok(planner) => planner,
        Err(error) => return done(Err(error)),
    };
    let explained = ops::explain(&planner, sql);
    print!("{}", explained.text);
    match explained.refused {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

async fn lint(
    config: &Config,
    file: Option<PathBuf>,
    format: Option<ops::lint::Format>,
) -> ExitCode {
    let from = match file {
        None => app::Statements::Remembered,
        Some(path) => app::Statements::Written(path, format),
    };
    let linted = match app::lint(config, from).await {
        Ok(linted) => linted,
        Err(error) => return done(Err(error)),
    };
    print!("{}", linted.report);
    match linted {
        ops::lint::Linted { refused: 1.., .. } => ExitCode::FAILURE,
        ops::lint::Linted { unjudged: 1.., .. } | ops::lint::Linted { nothing: true, .. } => {
            ExitCode::from(NOT_JUDGED)
        }
        ops::lint::Linted { .. } => ExitCode::SUCCESS,
    }
}

fn done<E: Into<Problem>>(result: Result<(), E>) -> ExitCode {
    let Err(problem) = result.map_err(Into::into) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("pgseal: {problem}");
    match problem {
        Problem::Configuration(_) => ExitCode::from(BAD_CONFIG),
        Problem::Other(_) => ExitCode::FAILURE,
    }
}

/// SIGTERM or SIGINT.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
