// The members of System.Text.Json that the exported programs use, for mono, which has no System.Text.Json.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Web.Script.Serialization;

namespace System.Text.Json
{
    public enum JsonValueKind { Undefined, Object, Array, String, Number, True, False, Null }

    public class JsonException : Exception
    {
        public JsonException(string message) : base(message) { }
    }

    public sealed class JsonDocument : IDisposable
    {
        public JsonElement RootElement;

        public static JsonDocument Parse(string text)
        {
            try
            {
                var serializer = new JavaScriptSerializer { MaxJsonLength = int.MaxValue };
                return new JsonDocument { RootElement = new JsonElement(serializer.DeserializeObject(text)) };
            }
            catch (Exception error) when (error is ArgumentException || error is InvalidOperationException)
            {
                throw new JsonException(error.Message);
            }
        }

        public void Dispose() { }
    }

    public struct JsonElement
    {
        readonly object value;
        readonly bool defined;

        public JsonElement(object value)
        {
            this.value = value;
            defined = true;
        }

        public JsonValueKind ValueKind
        {
            get
            {
                if (!defined) return JsonValueKind.Undefined;
                if (value == null) return JsonValueKind.Null;
                if (value is string) return JsonValueKind.String;
                if (value is IDictionary<string, object>) return JsonValueKind.Object;
                if (value is IList) return JsonValueKind.Array;
                if (value is bool) return (bool)value ? JsonValueKind.True : JsonValueKind.False;
                return JsonValueKind.Number;
            }
        }

        public bool TryGetProperty(string name, out JsonElement found)
        {
            object item;
            var has = ((IDictionary<string, object>)value).TryGetValue(name, out item);
            found = has ? new JsonElement(item) : default(JsonElement);
            return has;
        }

        public JsonElement GetProperty(string name)
        {
            return new JsonElement(((IDictionary<string, object>)value)[name]);
        }

        public JsonElement this[int index] => new JsonElement(((IList)value)[index]);

        public int GetArrayLength() => ((IList)value).Count;

        public IEnumerable<JsonElement> EnumerateArray()
        {
            return ((IList)value).Cast<object>().Select(item => new JsonElement(item));
        }

        public string GetString() => (string)value;
    }
}
