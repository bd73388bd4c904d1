"""deploy/kubernetes, held to Kubernetes' own schemas and to rules of our own.

No cluster is needed, so none of this shows that a cluster takes them: docs/deploy.md says so.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from stream.kafka.topics import Layout
from tocsin.scaled.delivery_texts import MOST_BYTES
from tocsin.scaled.process import DRAIN_S
from tocsin.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent.parent
HOME = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.31", "1.34", "1.37")
ROLES = ("intake", "core", "delivery", "console")
NOT_OURS = ("keda.sh/v1alpha1",)
"""Kinds that come with KEDA, of which Kubernetes has no schema."""

Manifest = dict[str, Any]


def manifests(*directories: str) -> list[Manifest]:
    """Every object that is declared, with its file under `_file`."""
    found = []
    for directory in directories:
        for path in sorted((HOME / directory).glob("*.yaml")):
            if path.name not in ("kustomization.yaml", "tocsin.yaml"):
                found += [{**one, "_file": path.name} for one in yaml.safe_load_all(path.read_text("utf-8")) if one]
    return found


ALL = manifests("base", "keda", "hpa")
NAMES = [f"{one['kind']}/{one['metadata']['name']}" for one in ALL]


def named(kind: str, name: str, directory: str = "base") -> Manifest:
    """One object."""
    (found,) = [m for m in manifests(directory) if m["kind"] == kind and m["metadata"]["name"] == name]
    return found


def pod_of(one: Manifest) -> Manifest | None:
    """What a workload runs."""
    return one["spec"]["template"]["spec"] if one["kind"] in ("Deployment", "StatefulSet", "Job") else None


PODS = [(n, pod) for n, m in zip(NAMES, ALL, strict=True) if (pod := pod_of(m)) is not None]


def settings() -> Settings:
    """The configuration of the ConfigMap."""
    return load_settings(HOME / "base" / "tocsin.yaml", {})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("name", "manifest"), list(zip(NAMES, ALL, strict=True)), ids=NAMES)
def test_kubernetes_knows_every_field(name: str, manifest: Manifest, version: str) -> None:
    """Kubernetes' own schemas, the strict ones: no field is misspelt and none is missing."""
    told = {key: value for key, value in manifest.items() if key != "_file"}
    if told["apiVersion"] in NOT_OURS:
        assert set(told) == {"apiVersion", "kind", "metadata", "spec"}
        return
    kubernetes_validate.validate(told, version, strict=True)


def test_a_misspelt_field_would_be_found() -> None:
    """The schemas do bite."""
    wrong = {key: value for key, value in named("Deployment", "core").items() if key != "_file"}
    wrong["spec"] = {**wrong["spec"], "replica": 2}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("directory", ["base", "keda", "hpa"])
def test_a_kustomization_names_every_file(directory: str) -> None:
    """Nothing lies there that is not applied, but for the example of the Secret."""
    told = yaml.safe_load((HOME / directory / "kustomization.yaml").read_text("utf-8"))
    files = {name for name in told["resources"] if not name.startswith("..")}
    files |= {name for one in told.get("configMapGenerator", []) for name in one["files"]}
    there = {path.name for path in (HOME / directory).glob("*.yaml")} - {"kustomization.yaml", "secret.example.yaml"}
    assert files == there
    assert told["namespace"] == named("Namespace", "tocsin")["metadata"]["name"]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl builds kustomizations; there is none here")
@pytest.mark.parametrize("directory", ["base", "keda", "hpa"])
def test_kubectl_builds_it(directory: str) -> None:
    """Every reference is resolved: the image by its name, the ConfigMap by the name that its content gives it."""
    built = subprocess.run(["kubectl", "kustomize", HOME / directory], capture_output=True, text=True, check=True)
    found = list(yaml.safe_load_all(built.stdout))
    (config,) = [one["metadata"]["name"] for one in found if one["kind"] == "ConfigMap"]
    assert config.startswith("tocsin-")
    for one in found:
        pod = pod_of(one)
        if pod is not None and one["metadata"]["name"] != "redis":
            assert [v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v] == [config]
            assert pod["containers"][0]["image"].startswith("registry.example.com/tocsin:")


@pytest.mark.parametrize(("name", "pod"), PODS, ids=[name for name, _ in PODS])
def test_a_pod_may_do_nothing_that_it_need_not(name: str, pod: Manifest) -> None:
    """No root, no capability, no token of the cluster, nothing to write but scratch: Pod Security `restricted`."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
    assert all("sizeLimit" in v["emptyDir"] for v in pod["volumes"] if "emptyDir" in v)


def test_the_texts_that_cards_quote_have_room_where_delivery_may_write() -> None:
    """The data directory lies below the scratch, which holds the file and a log as large."""
    pod = named("Deployment", "delivery")["spec"]["template"]["spec"]
    (scratch,) = [one["mountPath"] for one in pod["containers"][0]["volumeMounts"] if one["name"] == "scratch"]
    (volume,) = [one["emptyDir"] for one in pod["volumes"] if one["name"] == "scratch"]
    assert settings().data_path.is_relative_to(scratch)
    assert int(volume["sizeLimit"].removesuffix("Gi")) << 30 > 2 * MOST_BYTES


@pytest.mark.parametrize("role", ROLES)
def test_a_worker_is_probed_where_it_answers(role: str) -> None:
    """Liveness and readiness ask what the worker serves, at the port of `cluster.listen`."""
    (container,) = named("Deployment", role)["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["worker", role]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    cluster = settings().cluster
    assert cluster is not None
    assert ports["health"] == int(cluster.listen.rpartition(":")[2])
    for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz"), ("startupProbe", "/livez")):
        assert container[probe]["httpGet"] == {"path": path, "port": "health"}
    assert (ports.get("door") == settings().ingest.port) is (role == "intake")


@pytest.mark.parametrize("role", ROLES)
def test_a_worker_is_given_the_time_that_it_needs_to_stop(role: str) -> None:
    """Its drain ends before it is killed."""
    assert named("Deployment", role)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > DRAIN_S + 10


@pytest.mark.parametrize("role", ["intake", "core", "delivery"])
def test_a_disruption_leaves_somebody_at_work(role: str) -> None:
    """Each kind whose absence would be felt runs twice, and one may go at a time."""
    spec = named("Deployment", role)["spec"]
    assert spec["replicas"] >= 2
    budget = named("PodDisruptionBudget", role)["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == spec["selector"]


def test_selectors_find_what_they_are_for() -> None:
    """Every selector of a workload, Service, budget or policy fits the labels of a pod that is declared here."""
    labels = [m["spec"]["template"]["metadata"]["labels"] for m in ALL if pod_of(m) is not None]
    for one in ALL:
        spec = one.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector", {}))
        wanted = selector.get("matchLabels", selector if one["kind"] == "Service" else {})
        assert any(wanted.items() <= found.items() for found in labels), one["metadata"]["name"]
        for choice in selector.get("matchExpressions", []):
            components = {found["app.kubernetes.io/component"] for found in labels}
            assert set(choice["values"]) <= components, one["metadata"]["name"]


def test_a_flood_does_not_shut_the_door() -> None:
    """Intake that is behind is not ready; the door only writes to Kafka, and stays open."""
    assert named("Service", "door")["spec"]["publishNotReadyAddresses"] is True
    assert "publishNotReadyAddresses" not in named("Service", "console")["spec"]


def test_a_service_leads_to_a_port_that_is_there() -> None:
    """By its name, so that a changed number is changed in one place."""
    for service in (m for m in ALL if m["kind"] == "Service"):
        component = service["spec"]["selector"]["app.kubernetes.io/component"]
        (container,) = named("Deployment", component)["spec"]["template"]["spec"]["containers"]
        assert {p["targetPort"] for p in service["spec"]["ports"]} <= {p["name"] for p in container["ports"]}


def test_the_example_of_the_secret_holds_what_the_configuration_names() -> None:
    """Each variable that it asks for, and no other; no real value among them."""
    (text,) = [(HOME / "base" / name).read_text("utf-8") for name in ("tocsin.yaml",)]
    asked = {line.split(":", 1)[1].strip() for line in text.splitlines() if line.strip().split(":")[0].endswith("_env")}
    example = named("Secret", "tocsin")["stringData"]
    assert set(example) == asked
    assert load_settings(HOME / "base" / "tocsin.yaml", dict.fromkeys(asked, "5e" * 32)) is not None


@pytest.mark.parametrize("role", ["intake", "core"])
def test_the_scaler_looks_at_the_group_and_topic_of_its_workers(role: str) -> None:
    """Lag is that of the group under which the workers read, and more of them than partitions is never asked for."""
    cluster = settings().cluster
    assert cluster is not None
    layout: Layout = cluster.kafka.layout
    scaled = named("ScaledObject", role, "keda")["spec"]
    (trigger,) = scaled["triggers"]
    topic, partitions = ("mentions", layout.mentions) if role == "intake" else ("entries", layout.entries)
    assert trigger["metadata"]["consumerGroup"] == layout.name(role)
    assert trigger["metadata"]["topic"] == layout.name(topic)
    assert trigger["metadata"]["bootstrapServers"] == cluster.kafka.bootstrap
    assert trigger["metadata"]["username"] == cluster.kafka.user
    assert scaled["scaleTargetRef"]["name"] == role
    assert scaled["maxReplicaCount"] == partitions
    assert scaled["minReplicaCount"] == named("Deployment", role)["spec"]["replicas"]
    (key,) = named("TriggerAuthentication", "kafka", "keda")["spec"]["secretTargetRef"]
    assert key["key"] == cluster.kafka.password_env


def test_the_plain_scaler_stays_below_the_partitions_too() -> None:
    """The way without KEDA asks for no more intake workers than can work."""
    cluster = settings().cluster
    assert cluster is not None
    spec = named("HorizontalPodAutoscaler", "intake", "hpa")["spec"]
    assert spec["maxReplicas"] == cluster.kafka.mentions
    assert spec["scaleTargetRef"]["name"] == "intake"


def test_no_traffic_is_allowed_by_forgetting_it() -> None:
    """All of it is refused first; then the ports of door, health, Redis and brokers are opened, no other inwards."""
    nothing = named("NetworkPolicy", "nothing-by-default")["spec"]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    opened = {
        (m["metadata"]["name"], port["port"])
        for m in ALL
        if m["kind"] == "NetworkPolicy"
        for rule in m["spec"].get("ingress", [])
        for port in rule["ports"]
    }
    assert opened == {("door", 8750), ("health", 8760), ("redis", 6379)}
    cluster = settings().cluster
    assert cluster is not None
    broker = int(cluster.kafka.bootstrap.rpartition(":")[2])
    ports = [p["port"] for rule in named("NetworkPolicy", "outwards")["spec"]["egress"] for p in rule["ports"]]
    assert broker in ports
