import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedElement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Prints JSON schemas of Strimzi's kinds by kind, from the classes and annotations of its API jar. */
public final class StrimziSchemas {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String MODEL = "io.strimzi.api.kafka.model.";

    public static void main(String[] arguments) throws Exception {
        Map<String, Object> kinds = new TreeMap<>();
        for (String name : List.of("kafka.Kafka", "nodepool.KafkaNodePool", "topic.KafkaTopic", "user.KafkaUser")) {
            Class<?> kind = Class.forName(MODEL + name);
            Map<String, Object> properties = new TreeMap<>();
            properties.put("spec", schema(MAPPER.constructType(kind.getMethod("getSpec").getGenericReturnType())));
            Map<String, Object> whole = object(properties, List.of("spec"));
            kinds.put("kafka.strimzi.io/v1/" + kind.getSimpleName(), whole);
        }
        System.out.println(MAPPER.writeValueAsString(kinds));
    }

    private static Map<String, Object> schema(JavaType type) throws Exception {
        Class<?> raw = type.getRawClass();
        if (type.isCollectionLikeType() || type.isArrayType()) {
            return map("type", "array", "items", schema(type.getContentType()));
        } else if (type.isMapLikeType()) {
            Map<String, Object> values = schema(type.getContentType());
            return map("type", "object", "additionalProperties", values.isEmpty() ? true : values);
        } else if (raw == String.class) {
            return map("type", "string");
        } else if (raw == boolean.class || raw == Boolean.class) {
            return map("type", "boolean");
        } else if (raw == int.class || raw == Integer.class) {
            return map("type", "integer", "format", "int32");
        } else if (raw == long.class || raw == Long.class) {
            return map("type", "integer", "format", "int64");
        } else if (raw == double.class || raw == Double.class || raw == float.class || raw == Float.class) {
            return map("type", "number");
        } else if (raw.isEnum()) {
            List<Object> words = new ArrayList<>();
            for (Object each : raw.getEnumConstants()) {
                words.add(MAPPER.convertValue(each, String.class));
            }
            return map("type", "string", "enum", words);
        } else if (raw == Object.class) {
            return new LinkedHashMap<>();
        } else if (raw.getName().endsWith(".IntOrString")) {
            return map("x-kubernetes-int-or-string", true);
        } else if (raw.getName().endsWith(".Quantity")) {
            return map("$ref", "#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity");
        } else if (raw.getName().startsWith("io.fabric8.kubernetes.api.model.")) {
            return fabric(raw);
        }
        return bean(raw);
    }

    /** A type of Kubernetes itself: the description of the same name, kept with Kubernetes' own kinds. */
    private static Map<String, Object> fabric(Class<?> raw) {
        String group = raw.getPackageName().endsWith(".networking.v1") ? "networking.v1" : "core.v1";
        String name = raw.getSimpleName();
        if (name.equals("LabelSelector")) {
            return map("$ref", "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector");
        }
        return map("$ref", "#/definitions/io.k8s.api." + group + "." + name);
    }

    /** A class of Strimzi's: its properties, and those of every subtype that its `type` can choose. */
    private static Map<String, Object> bean(Class<?> raw) throws Exception {
        JsonSubTypes subtypes = raw.getAnnotation(JsonSubTypes.class);
        if (subtypes != null) {
            String chooser = raw.getAnnotation(JsonTypeInfo.class).property();
            List<Object> alternatives = new ArrayList<>();
            for (JsonSubTypes.Type each : subtypes.value()) {
                Map<String, Object> alternative = plain(each.value());
                properties(alternative).put(chooser, map("enum", List.of(each.name())));
                List<Object> required = new ArrayList<>((List<?>) alternative.getOrDefault("required", List.of()));
                required.remove(chooser);
                required.add(chooser);
                alternative.put("required", required);
                alternatives.add(alternative);
            }
            return map("x-one-of", alternatives);
        }
        return plain(raw);
    }

    private static Map<String, Object> plain(Class<?> raw) throws Exception {
        Map<String, Object> properties = new TreeMap<>();
        List<String> required = new ArrayList<>();
        var description = MAPPER.getSerializationConfig().introspect(MAPPER.constructType(raw));
        for (BeanPropertyDefinition property : description.findProperties()) {
            if (property.getGetter() == null) {
                continue;
            }
            AnnotatedElement getter = property.getGetter().getAnnotated();
            AnnotatedElement field = property.getField() == null ? getter : property.getField().getAnnotated();
            if (!present(getter, field) || property.getName().equals("additionalProperties")) {
                continue;
            }
            Map<String, Object> value = schema(property.getGetter().getType());
            bounds(value, getter);
            bounds(value, field);
            properties.put(property.getName(), value);
            if (property.isRequired() || annotation(getter, "RequiredInVersions") != null || annotation(field, "RequiredInVersions") != null) {
                required.add(property.getName());
            }
        }
        return object(properties, required);
    }

    /** Whether version v1 of the API has what carries these annotations. */
    private static boolean present(AnnotatedElement... elements) throws Exception {
        for (AnnotatedElement each : elements) {
            Annotation versions = annotation(each, "PresentInVersions");
            if (versions != null && !holdsV1(text(versions, "value"))) {
                return false;
            }
        }
        return true;
    }

    private static boolean holdsV1(String range) {
        return range.isEmpty() || range.equals("v1") || range.equals("all") || range.endsWith("+") || range.endsWith("-v1");
    }

    private static void bounds(Map<String, Object> value, AnnotatedElement element) throws Exception {
        for (String name : List.of("Minimum", "Maximum")) {
            Annotation bound = annotation(element, name);
            if (bound != null) {
                value.put(name.toLowerCase(), bound.annotationType().getMethod("value").invoke(bound));
            }
        }
        Annotation pattern = annotation(element, "Pattern");
        if (pattern != null) {
            value.put("pattern", text(pattern, "value"));
        }
    }

    private static String text(Annotation annotation, String name) throws Exception {
        return String.valueOf(annotation.annotationType().getMethod(name).invoke(annotation));
    }

    private static Annotation annotation(AnnotatedElement element, String name) {
        for (Annotation each : element.getAnnotations()) {
            if (each.annotationType().getSimpleName().equals(name)) {
                return each;
            }
        }
        return null;
    }

    private static Map<String, Object> object(Map<String, Object> properties, List<String> required) {
        Map<String, Object> result = map("type", "object", "properties", properties);
        if (!required.isEmpty()) {
            result.put("required", required);
        }
        return result;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> properties(Map<String, Object> schema) {
        return (Map<String, Object>) schema.get("properties");
    }

    private static Map<String, Object> map(Object... pairs) {
        Map<String, Object> result = new LinkedHashMap<>();
        for (int each = 0; each < pairs.length; each += 2) {
            result.put((String) pairs[each], pairs[each + 1]);
        }
        return result;
    }
}
