/** Stands where LocalStack loads an agent that lifts DynamoDB Local's limit of 20 indexes. This one changes nothing. */
public class Agent {
    public static void premain(String arguments) {}
}
