{{/* Labels and annotations of an object's metadata: (dict "root" $ "labels" LABELS "annotations" ANNOTATIONS). */}}
{{- define "hotreload.metadata" -}}
labels:
  {{- $labels := merge (dict "app.kubernetes.io/part-of" "hotreload") (.labels | default dict) .root.Values.commonLabels }}
  {{- toYaml $labels | nindent 2 }}
{{- with merge (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
The kind of the objects from which the policies for our ServiceAccounts read their names. With watchNamespaces there is one in each namespace where the
controller has rights, and a policy that names no namespace of its params takes those of the namespace that the request is about.
*/}}
{{- define "hotreload.accountsKind" -}}
{{ ternary "ClusterRoleBinding" "RoleBinding" (empty .Values.watchNamespaces) }}
{{- end }}

{{/* REPOSITORY:TAG, or REPOSITORY@DIGEST: (list $ IMAGE). */}}
{{- define "hotreload.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 -}}
{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* One of the two Deployments, and its PodDisruptionBudget. */}}
{{- define "hotreload.deployment" -}}
{{- $part := index .root.Values .part }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  {{- include "hotreload.metadata" (dict "root" .root "labels" (dict "app.kubernetes.io/name" .name)) | nindent 2 }}
spec:
  replicas: {{ $part.replicas }}
  selector:
    matchLabels: &labels
      app.kubernetes.io/name: {{ .name }}
  # Some fields have their default value here and in other files: without them, each kubectl apply would report the object as changed.
  strategy:
    type: RollingUpdate
    rollingUpdate:
      {{- if $part.hostNetwork }}
      # A new Pod can't start beside the old one, whose port on the node it needs.
      maxUnavailable: 1
      maxSurge: 0
      {{- else }}
      maxUnavailable: 0
      maxSurge: 1
      {{- end }}
  template:
    metadata:
      {{- with $part.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      labels:
        {{- toYaml (merge (dict "app.kubernetes.io/name" .name "app.kubernetes.io/component" .part "app.kubernetes.io/part-of" "hotreload") $part.podLabels .root.Values.commonLabels) | nindent 8 }}
    spec:
      serviceAccountName: {{ .name }}
      {{- with .root.Values.priorityClass.name }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      # For a Service named hotreload, Kubernetes would set HOTRELOAD_PORT=tcp://…; our flag --port reads the same variable.
      enableServiceLinks: false
      {{- if $part.hostNetwork }}
      hostNetwork: true
      {{- end }}
      {{- with .terminationGracePeriodSeconds }}
      # The API server keeps idle connections for 90 s and never repeats a call that failed, so we keep running until they are closed.
      terminationGracePeriodSeconds: {{ . }}
      {{- end }}
      topologySpreadConstraints:
      {{- if kindIs "invalid" $part.topologySpreadConstraints }}
        # On a cluster of one node, both replicas run on that node.
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: &selector
            matchLabels: *labels
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: *selector
      {{- else }}
        {{- toYaml $part.topologySpreadConstraints | nindent 8 }}
      {{- end }}
      nodeSelector:
        {{- toYaml (merge (dict "kubernetes.io/os" "linux") $part.nodeSelector) | nindent 8 }}
      {{- with $part.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $part.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        {{- with .root.Values.runAsUser }}
        runAsUser: {{ . }}
        runAsGroup: {{ . }}
        {{- end }}
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: hotreload
          image: {{ include "hotreload.image" (list .root .root.Values.image) }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args:
            {{- toYaml .args | nindent 12 }}
            {{- range $flag, $value := $part.flags }}
            - {{ printf "--%s=%v" $flag $value | quote }}
            {{- end }}
          {{- with concat .env $part.env }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- range $port, $number := .ports }}
            - name: {{ $port }}
              containerPort: {{ $number }}
            {{- end }}
          readinessProbe:
            httpGet:
              path: /readyz
              port: metrics
            periodSeconds: 5
          livenessProbe:
            httpGet:
              path: /healthz
              port: metrics
            initialDelaySeconds: 10
            periodSeconds: 10
            timeoutSeconds: 5
          resources:
            {{- toYaml $part.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          {{- with concat .volumeMounts $part.volumeMounts }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
          {{- end }}
      {{- with concat .volumes $part.volumes }}
      volumes:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- if $part.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  {{- include "hotreload.metadata" (dict "root" .root) | nindent 2 }}
spec:
  maxUnavailable: {{ $part.podDisruptionBudget.maxUnavailable }}
  # A replica that is not Ready does no work, so it must not block the drain of a node.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ .name }}
{{- end }}
{{- end }}

{{/* What both Deployments get for the values they share, as YAML: env, volumes, volumeMounts. */}}
{{- define "hotreload.shared" -}}
env:
  {{- if .Values.policy }}
  - name: HOTRELOAD_POLICY
    value: /policy/policy.yaml
  {{- end }}
  {{- with .Values.logLevel }}
  - name: HOTRELOAD_LOG_LEVEL
    value: {{ . }}
  {{- end }}
  {{- if not (or .Values.policy .Values.logLevel) }} []{{ end }}
volumes:
  {{- if .Values.policy }}
  - name: policy
    configMap:
      name: hotreload-policy
  {{- else }} []{{ end }}
volumeMounts:
  {{- if .Values.policy }}
  - name: policy
    mountPath: /policy
    readOnly: true
  {{- else }} []{{ end }}
{{- end }}
