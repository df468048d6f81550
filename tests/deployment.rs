//! The containers' form, without an engine to run them: docker-compose.yml, Dockerfile and nginx's configuration
//! fit each other, the programs and what `scripts/run` starts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use journeys::judges::root;
use journeys::programs::{binary, must, run};
use serde_yaml_ng::Value;

fn read(file: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(root().join(file)).with_context(|| file.to_owned())
}

/// The compose file with its anchors and merge keys resolved.
fn compose() -> anyhow::Result<Value> {
    let mut file: Value = serde_yaml_ng::from_str(&read("docker-compose.yml")?)?;
    file.apply_merge()?;
    Ok(file)
}

fn services(compose: &Value) -> anyhow::Result<BTreeMap<String, &Value>> {
    let services = compose["services"].as_mapping().context("services")?;
    services.iter().map(|(name, service)| Ok((name.as_str().context("a name")?.to_owned(), service))).collect()
}

/// A list of strings; absent is empty.
fn strings(list: &Value) -> Vec<String> {
    list.as_sequence().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// The program and arguments that a service of ours runs: its image's entry point and its command.
fn command_line(service: &Value) -> anyhow::Result<Vec<String>> {
    let target = service["build"]["target"].as_str().context("a target")?;
    let dockerfile = read("Dockerfile")?;
    let stage = dockerfile
        .split("FROM ")
        .find(|stage| stage.lines().next().is_some_and(|l| l.ends_with(&format!(" AS {target}"))));
    let stage = stage.with_context(|| format!("the Dockerfile has no stage {target}"))?;
    let entry = stage.lines().find_map(|line| line.strip_prefix("ENTRYPOINT ")).context("an entry point")?;
    let mut line: Vec<String> = serde_json::from_str(entry)?;
    line.extend(strings(&service["command"]));
    Ok(line)
}

/// What `scripts/run` starts: name and command line, `$bin/` left away.
fn started_by_run() -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let script = read("scripts/run")?;
    let lines = script.lines().filter_map(|line| line.strip_prefix("start ")).map(|line| {
        let mut words = line.split_whitespace().map(|word| word.trim_matches('"').replace("$bin/", ""));
        (words.next().unwrap_or_default(), words.collect())
    });
    Ok(lines.collect())
}

#[test]
fn containers_run_the_processes_of_scripts_run_with_the_same_commands() -> anyhow::Result<()> {
    let compose = compose()?;
    let services = services(&compose)?;
    let mut run = started_by_run()?;
    // Containers know no payment online: what stands in for its provider belongs on one machine's loopback.
    assert!(run.remove("stripe-stand-in").is_some(), "{run:?}");
    // Nor face checks, for the same reason.
    assert!(run.remove("face-sandbox").is_some(), "{run:?}");
    assert_eq!(run.len(), 7, "{run:?}");
    for (name, line) in &run {
        let service = services.get(name).with_context(|| format!("no service {name}"))?;
        assert_eq!(&command_line(service)?, line, "{name}");
    }
    let others: BTreeSet<&str> = services.keys().map(String::as_str).filter(|name| !run.contains_key(*name)).collect();
    assert_eq!(others, BTreeSet::from(["mail", "nginx", "postgres", "prepare"]));
    Ok(())
}

#[test]
fn every_command_of_a_service_is_one_that_its_program_knows() -> anyhow::Result<()> {
    let compose = compose()?;
    for (name, service) in
        services(&compose)?.into_iter().filter(|(name, s)| s["build"].is_mapping() && name != "prepare")
    {
        let mut line = command_line(service)?;
        let program = line.remove(0);
        // `--help` after the arguments makes the parser check them and do nothing.
        let output = run(
            Command::new(binary(&program)?).current_dir(root()).args(&line).arg("--help"),
            Duration::from_secs(10),
        )?;
        assert!(output.status.success(), "{name}: {program} {line:?}: {}", String::from_utf8_lossy(&output.stderr));
        let configuration = line.iter().position(|word| word == "--config").and_then(|at| line.get(at + 1));
        assert!(root().join(configuration.context("a configuration")?).exists(), "{name}");
    }
    Ok(())
}

#[test]
fn services_wait_for_each_others_health_and_use_only_what_is_declared() -> anyhow::Result<()> {
    let compose = compose()?;
    let services = services(&compose)?;
    for (name, service) in &services {
        if name != "prepare" {
            assert!(service["healthcheck"]["test"].is_sequence(), "{name} has no health check");
        }
        let waits = service["depends_on"].as_mapping().cloned().unwrap_or_default();
        for (other, condition) in &waits {
            let other = other.as_str().context("a name")?;
            assert!(services.contains_key(other), "{name} depends on {other}");
            let condition = condition["condition"].as_str().context("a condition")?;
            let fits = if other == "prepare" { "service_completed_successfully" } else { "service_healthy" };
            assert_eq!(condition, fits, "{name} on {other}");
        }
        for volume in strings(&service["volumes"]) {
            let source = volume.split(':').next().unwrap_or_default();
            if let Some(file) = source.strip_prefix("./") {
                assert!(root().join(file).exists(), "{name} mounts {file}");
            } else {
                assert!(compose["volumes"].get(source).is_some(), "{name} uses the undeclared volume {source}");
            }
        }
        let networks = match &service["networks"] {
            Value::Mapping(map) => map.keys().filter_map(|k| k.as_str().map(str::to_owned)).collect(),
            list => strings(list),
        };
        for network in networks {
            assert!(compose["networks"].get(&network).is_some(), "{name} uses the undeclared network {network}");
        }
    }
    Ok(())
}

#[test]
fn web_containers_have_no_volume_with_a_key_of_the_authority() -> anyhow::Result<()> {
    let compose = compose()?;
    for (name, service) in services(&compose)? {
        let volumes: Vec<String> =
            strings(&service["volumes"]).iter().filter_map(|v| v.split(':').next().map(str::to_owned)).collect();
        let holds_keys = volumes.iter().any(|v| v == "ca" || v == "ca-secrets");
        assert_eq!(holds_keys, name == "ca" || name == "prepare", "{name}: {volumes:?}");
        let escrows = volumes.iter().any(|v| v == "kmc" || v == "kmc-secrets");
        assert_eq!(escrows, name == "kmc" || name == "prepare", "{name}: {volumes:?}");
        let asks = volumes.iter().any(|v| v == "kmc-socket");
        assert_eq!(asks, name == "kmc" || name == "ca", "{name}: {volumes:?}");
    }
    Ok(())
}

#[test]
fn ports_are_the_defaults_of_the_programs() -> anyhow::Result<()> {
    let compose = compose()?;
    let services = services(&compose)?;
    let published: BTreeSet<String> = strings(&services["nginx"]["ports"]).into_iter().collect();
    let expected = [8080, 8081, 8082, 8083, 8085].map(|port| format!("127.0.0.1:{port}:{port}"));
    assert_eq!(published, BTreeSet::from(expected));

    // What the demonstration's files say is what the programs would do without them.
    let toml = |name: &str| -> anyhow::Result<toml::Table> { Ok(read(&format!("scripts/demo/{name}.toml"))?.parse()?) };
    let (ca, kmc, ocsp) = (toml("ca")?, toml("kmc")?, toml("ocsp")?);
    let (ra, fund, token) = (toml("ra")?, toml("fund")?, toml("token")?);
    let verifying = toml("validation")?;
    let configured = [
        ("public", &ra["listen"]["public"], 8080),
        ("staff", &ra["listen"]["staff"], 8081),
        ("portal", &fund["listen"]["portal"], 8082),
        ("validation", &ocsp["listen"], 8083),
        ("agent", &token["agent"]["listen"], 17080),
        ("ca operations", &ca["operations"], 9080),
        ("kmc operations", &kmc["operations"], 9084),
        ("office operations", &ra["listen"]["ops"], 9081),
        ("portal operations", &fund["listen"]["ops"], 9082),
        ("ocsp operations", &ocsp["operations_listen"], 9083),
        ("verification", &verifying["listen"], 8085),
        ("verification operations", &verifying["operations_listen"], 9085),
    ];
    for (name, address, port) in configured {
        assert_eq!(address.as_str(), Some(format!("127.0.0.1:{port}").as_str()), "{name}");
    }
    assert_eq!(fund["timestamp"]["url"].as_str(), Some("http://127.0.0.1:8085/tsa"), "the verification service stamps");
    let defaults = ocsp::config::Config::parse(
        "database_url = \"sqlite:x\"\nauthority_socket = \"x\"\npublish_folder = \"x\"\n\
         [[responders]]\nissuer = \"x\"\nkey_file = \"x\"\npassphrase_file = \"x\"",
    )?;
    assert_eq!(defaults.listen.port(), 8083);
    assert_eq!(defaults.operations_listen.port(), 9083);
    let listen = ra_web::fund::config::Listen::default();
    assert_eq!((listen.portal.port(), listen.ops.port()), (8082, 9082));
    assert_eq!(token_provisioner::config::DEFAULT_LISTEN.port(), 17080);
    for (site, port) in
        [("ra-web", 8080), ("ra-web", 8081), ("portal", 8082), ("ocsp-responder", 8083), ("validation", 8085)]
    {
        let nginx = read("scripts/compose/nginx.conf")?;
        assert!(
            nginx.contains(&format!("listen {port};")) && nginx.contains(&format!("proxy_pass http://{site}:{port};"))
        );
    }
    Ok(())
}

#[test]
fn nginx_accepts_its_configuration() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    // Names of services are known among the containers only.
    let mut text = read("scripts/compose/nginx.conf")?;
    for name in ["ra-web", "portal", "ocsp-responder", "validation"] {
        text = text.replace(&format!("http://{name}:"), "http://127.0.0.1:");
    }
    let own = format!("pid {}/nginx.pid;\n{text}", folder.path().display());
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, own)?;
    let nginx = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    must(Command::new(nginx).args(["-t", "-e", "stderr", "-c"]).arg(file))?;
    Ok(())
}

#[test]
fn shell_scripts_parse() -> anyhow::Result<()> {
    for script in ["scripts/setup", "scripts/run", "scripts/demo/prepare", "scripts/compose/databases.sh", ".ci/run"] {
        must(Command::new("bash").arg("-n").arg(root().join(script)))?;
    }
    Ok(())
}
