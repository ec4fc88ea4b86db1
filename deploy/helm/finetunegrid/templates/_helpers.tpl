{{- define "finetunegrid.name" -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "finetunegrid.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "finetunegrid.labels" -}}
{{ include "finetunegrid.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "finetunegrid.secret" -}}
{{ .Values.settings.existingSecret | default (printf "%s-settings" (include "finetunegrid.name" .)) }}
{{- end }}

{{- define "finetunegrid.controlImage" -}}
{{ printf "%s:%s" .Values.image.control (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}

{{- define "finetunegrid.nodeImage" -}}
{{ printf "%s:%s" .Values.image.node (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}

{{- define "finetunegrid.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "finetunegrid.sharedSettings" -}}
- name: FTG_SETTINGS_DIR
  value: /run/finetunegrid/settings
- name: FTG__Storage__Container
  value: {{ .Values.settings.container | quote }}
- name: FTG__Clustering__ClusterId
  value: {{ .Values.settings.clusterId | quote }}
{{- end }}

{{- define "finetunegrid.tlsSettings" -}}
- name: FTG__Tls__Certificate
  value: /run/finetunegrid/tls/tls.crt
- name: FTG__Tls__Key
  value: /run/finetunegrid/tls/tls.key
- name: FTG__Tls__Authority
  value: /run/finetunegrid/tls/ca.crt
{{- end }}
